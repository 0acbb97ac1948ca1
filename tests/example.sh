#!/bin/sh
# example.sh EXAMPLE SOURCE MEGABUDDY: the example stays short, sees the streamer through vt.h alone,
# flies for its seconds, has pages uploaded, and complains in one line. 77 (skipped) without a display.
set -u
example=$1 source=$2 megabuddy=$3
. "$(dirname "$0")/cli.sh"
if [ "${4:-}" != inside ]; then
    if ! command -v xvfb-run >/dev/null; then
        echo "skipped: no xvfb-run"
        exit 77
    fi
    exec xvfb-run -a -s '-screen 0 1280x720x24' sh "$0" "$example" "$source" "$megabuddy" inside
fi
scratch=$(mktemp -d "${TMPDIR:-/tmp}/megabuddy-example-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
: >stderr

[ "$(wc -l <"$source")" -lt 150 ] || fail "too long for an example: $(wc -l <"$source") lines"
ours=$(grep '^ *# *include *"' "$source")
[ "$ours" = '#include "engine/vt.h"' ] || fail "includes more of ours than vt.h: $ours"

expect 0 '' "$megabuddy" bake --synthetic --width 1024 -o world.mega -q
expect 0 '' "$example" world.mega 3
[ "$(grep -c 'uploaded$' stdout)" -ge 2 ] || fail "no line a second: $(cat stdout)"
uploaded=$(sed -n '$s/.* \([0-9]*\) uploaded$/\1/p' stdout)
[ "${uploaded:-0}" -gt 4 ] || fail "uploaded ${uploaded:-no} pages"

# bad CODE WORD ARGUMENT…: one line with the word, and that code.
bad()
{
    code=$1 word=$2
    shift 2
    "$example" "$@" >stdout 2>stderr
    [ $? -eq "$code" ] || fail "not $code: $*"
    [ "$(wc -l <stderr)" -eq 1 ] && grep -q "$word" stderr || fail "no line with $word: $*"
}
bad 1 absent.mega absent.mega
bad 2 usage
bad 2 usage world.mega soon
[ "$failures" -eq 0 ]
