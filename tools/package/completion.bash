# Completes what is typed after megabuddy: commands, what bench and test can do, options. It asks the
# program's --help, and so knows what the installed one knows. Elsewhere bash completes files.

# PROGRAM COMMAND…: the words that a help text lists.
_megabuddy_names()
{
    "$@" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z]*\)  *[a-z].*/\1/p'
}

_megabuddy_options()
{
    "$@" --help 2>/dev/null | grep -oE -e '--[a-z][a-z-]*' | sort -u
}

_megabuddy()
{
    local current=${COMP_WORDS[COMP_CWORD]} words=
    local command=${COMP_WORDS[1]:-} part=${COMP_WORDS[2]:-}
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="$(_megabuddy_names "$1") help --help --version"
    elif [ "$COMP_CWORD" -eq 2 ] && [ "$command" = bench ]; then
        words="$(_megabuddy_names "$1" bench) --help"
    elif [ "$COMP_CWORD" -eq 2 ] && [ "$command" = test ]; then
        words="alloc --help"
    elif [ "$COMP_CWORD" -eq 2 ] && [ "$command" = help ]; then
        words=$(_megabuddy_names "$1")
    elif [ "${current#-}" != "$current" ]; then
        case $command in
        bench | test) words=$(_megabuddy_options "$1" "$command" "$part") ;;
        *) words=$(_megabuddy_options "$1" "$command") ;;
        esac
    fi
    # shellcheck disable=SC2207
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}

complete -o default -F _megabuddy megabuddy
