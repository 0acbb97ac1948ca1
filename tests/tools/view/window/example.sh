#!/bin/sh
# example.sh MEGABUDDY PROBE EXAMPLE SOURCE: the example stays short, sees the streamer through vt.h
# alone, ends after its seconds, has pages uploaded, is steered, and complains in one line. 77
# (skipped) where there is no display.
program=$1 probe=$2 example=$3 source=$4
. "$(dirname "$0")/window.sh"

[ "$(wc -l <"$source")" -lt 150 ] || fail "too long for an example: $(wc -l <"$source") lines"
ours=$(grep '^ *# *include *"' "$source")
[ "$ours" = '#include "engine/vt.h"' ] || fail "includes more of ours than vt.h: $ours"

"$program" bake --synthetic --width 1024 -o world.mega -q || exit 1
window_display 1280x720
"$example" world.mega 1 >stdout 2>stderr || fail "exit code $?"
[ ! -s stderr ] || fail "spoke on stderr"

# refuses CODE WORD ARGUMENT…: one line with the word, and that code.
refuses()
{
    code=$1 word=$2
    shift 2
    "$example" "$@" >stdout 2>stderr
    got=$?
    [ "$got" -eq "$code" ] || fail "exit code $got, not $code: $*"
    [ "$(wc -l <stderr)" -eq 1 ] || fail "says more or less than a line: $*"
    grep -q "^megabuddy_example: .*$word" stderr || fail "says nothing of $word: $*"
}
refuses 1 absent.mega absent.mega
refuses 2 usage
refuses 2 usage world.mega soon
refuses 2 usage world.mega 1 2

sees_sky_only()
{
    ! window_has_drawn
}

# says_twice: it has said how things stand, and again, and by then pages were uploaded.
says_twice()
{
    [ "$(sed -n 's/.* \([0-9]*\) uploaded$/\1/p' stdout | awk '$1 > 4' | wc -l)" -ge 2 ]
}

window_run "$example" world.mega
await says_twice || fail "no lines with pages uploaded: $(cat stdout)"
window_size 800 500
xdotool keydown Up # twenty times as high, and the map is small, and below
await sees_sky_only || fail "does not climb"
xdotool keyup Up
xdotool keydown Down
await window_has_drawn || fail "does not come down"
xdotool keyup Down
window_shot example
window_close
