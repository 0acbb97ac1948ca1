#!/bin/sh
# symbols.sh ROOT BUILD: who defines and who uses what, by the object files of a debug build (where
# each inline function that is used is a function) and the text of the headers. Prints lines
# "FILE KIND NAME", files from ROOT:
#
#     define  visible to other files         use     undefined there
#     local   visible in this file only
#     inline  a header defines it            call    … and uses it in an inline function
#     declare a header declares it
#
# Exit code 2: nothing is built.
set -eu
root=$(cd "$1" && pwd)
build=$(cd "$2" && pwd)

list=$(mktemp)
trap 'rm -f "$list"' EXIT
awk -v root="$root/" '
/"command":/ {
    object = ""
    if (match($0, / -o [^ ]*\.o /)) { object = substr($0, RSTART + 4, RLENGTH - 5) }
}
/"file":/ && object != "" {
    split($0, part, "\"")
    print object, index(part[4], root) == 1 ? substr(part[4], length(root) + 1) : part[4]
}' "$build/compile_commands.json" |
    while read -r object source; do
        if [ -e "$build/$object" ]; then
            echo "$object $source"
        fi
    done >"$list"
if ! [ -s "$list" ]; then
    echo "symbols: nothing is built in $build" >&2
    exit 2
fi

cd "$build"
cut -d ' ' -f 1 "$list" | xargs nm -A -P | awk '
NR == FNR {
    source[$1] = $2
    next
}
{
    sub(/:$/, "", $1)
    if ($3 == "U") {
        print source[$1], "use", $2
    } else if ($3 ~ /^[tdbr]$/) {
        print source[$1], "local", $2
    } else if ($3 ~ /^[TDBRC]$/) {
        print source[$1], "define", $2
    }
}' "$list" -

cd "$root"
find buddy engine tools -name '*.h' | LC_ALL=C sort | xargs awk '
# Names that "(" follows, the first of them only or all.
function names(text, kind, all) {
    while (match(text, /[A-Za-z_][A-Za-z0-9_]*\(/)) {
        print FILENAME, kind, substr(text, RSTART, RLENGTH - 1)
        if (!all) { return }
        text = substr(text, RSTART + RLENGTH)
    }
}

# What stands before a brace or semicolon, and that.
function piece(text, end) {
    if (depth > 0) {
        if (within) { names(text, "call", 1) }
        depth += end == "{" ? 1 : end == "}" ? -1 : 0
        within = within && depth > 0
        statement = ""
        return
    }
    statement = statement text
    if (end == "{" && statement !~ /extern "C"/) {
        depth = 1
        within = statement ~ /static inline/
        if (within) { names(statement, "inline", 0) }
    } else if (end == ";") {
        names(statement, "declare", 1)
    }
    statement = ""
}

FNR == 1 {
    depth = within = in_comment = in_macro = 0
    statement = ""
}

{
    line = $0
    gsub(/\/\*([^*]|\*[^\/])*\*\//, " ", line)
    sub(/\/\/.*/, "", line)
    if (in_comment) {
        if (!sub(/^.*\*\//, "", line)) { next }
        in_comment = 0
    }
    in_comment = sub(/\/\*.*/, "", line)
    if (in_macro || line ~ /^[ \t]*#/) {
        in_macro = line ~ /\\$/
        next
    }
    while (match(line, /[{};]/)) {
        at = RSTART
        piece(substr(line, 1, at - 1), substr(line, at, 1))
        line = substr(line, at + 1)
    }
    if (depth > 0) {
        if (within) { names(line, "call", 1) }
    } else {
        statement = statement " " line
    }
}'
