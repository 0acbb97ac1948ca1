#!/bin/sh
# basics.sh MEGABUDDY PROBE: view in a window, driven by keys and mouse: help, a picture, settings
# read again, a new size, and the end. 77 (skipped) where there is no display.
program=$1 probe=$2
. "$(dirname "$0")/window.sh"

has_picture()
{
    [ -n "$(find . -name 'megabuddy-*.png' -size +1k)" ]
}

"$program" bake --synthetic --width 1024 -o world.mega -q || exit 1
: >live.conf
window_display 800x600
window_start world.mega --size 480x320 --config live.conf

window_key w # ends the tour, so that what changes is what is told to
window_becomes touring 0
window_key Tab
window_settled
window_shot plain
window_key F1
await window_differs plain 8 || fail "F1 shows nothing"
window_shot help
window_key F1
await window_differs help 8 || fail "F1 hides nothing"
window_hold 10 w
window_key t p
await has_picture || fail "P wrote no picture"

# A mistake keeps the old settings; a budget that is too small keeps the old world; a good one is taken.
window_note log
printf 'ram: { budget = -1; };\n' >live.conf
window_grows log
window_note log
printf 'vram: { budget = "64 KiB"; };\n' >live.conf
window_grows log
window_note worlds
printf 'vram: { budget = "8 MiB"; };\nstream: { fade_ms = 50; };\n' >live.conf
window_grows worlds

window_note worlds
window_size 600 400
window_grows worlds # opened anew, for another size
await window_has_drawn || fail "draws nothing at a new size"
window_note worlds
window_key F11
await window_has_size 800 600 || fail "F11 does not fill the screen"
window_grows worlds
window_note worlds
window_key F11
await window_has_size 600 400 || fail "F11 is not the way back"
window_grows worlds
await window_has_drawn || fail "draws nothing after full screen"
window_drag 300 200 380 180
window_wheel 2
window_wheel -1
window_is_open || fail "ended by the mouse or a new size"
window_shot turned
window_close
