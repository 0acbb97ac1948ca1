#!/bin/sh
# manual_cli.sh MANUAL PROGRAM COMPLETION: the manual page has all that the program's help texts say,
# and bash completes what the program knows.
set -eu
manual=$1
program=$2
completion=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail()
{
    echo "manual_cli: $1" >&2
    exit 1
}

# Each line of a help text is a line of the page, but for troff's escapes.
sed 's/^\\&//; s/\\-/-/g; s/\\e/\\/g' "$manual" >"$work/page"
for command in "" bake info verify view bench "bench alloc" "bench stream" "test alloc"; do
    # shellcheck disable=SC2086
    "$program" $command --help >"$work/help" 2>/dev/null || continue # the allocator alone has fewer
    [ "$(grep -cxF -f "$work/help" "$work/page")" -ge "$(grep -c . "$work/help")" ] ||
        fail "the page lacks lines of megabuddy $command --help"
done
if command -v man >/dev/null && man -l --warnings "$manual" >"$work/shown" 2>"$work/wrong"; then
    [ ! -s "$work/wrong" ] || fail "man says: $(cat "$work/wrong")"
fi
command -v bash >/dev/null || exit 0

# WORD… WANTED: what is offered for the last word, which is not complete.
offers()
{
    bash -c '
        . "$1"
        shift
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        _megabuddy "$1"
        echo ${COMPREPLY[*]}' bash "$completion" "$program" "$@"
}

[ "$(offers benc)" = bench ] || fail "benc: $(offers benc)"
[ "$(offers bench al)" = "alloc all" ] || fail "bench al: $(offers bench al)"
[ "$(offers test al --sec)" = "" ] || fail "test al --sec: $(offers test al --sec)"
[ "$(offers test alloc --sec)" = "--seconds" ] || fail "test alloc --sec: $(offers test alloc --sec)"
