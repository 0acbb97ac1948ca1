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
window_key Tab
window_shot plain
window_key F1
within 5 window_differs plain 8 || fail "F1 shows nothing"
window_shot help
window_key F1
within 5 window_differs help 8 || fail "F1 hides nothing"
window_hold 0.3 w
window_key t p
within 20 has_picture || fail "P wrote no picture"

# A mistake keeps the old settings; a budget that is too small keeps the old world; a good one is taken.
printf 'ram: { budget = -1; };\n' >live.conf
sleep 1
printf 'vram: { budget = "64 KiB"; };\n' >live.conf
sleep 1
printf 'vram: { budget = "8 MiB"; };\nstream: { fade_ms = 50; };\n' >live.conf
sleep 1
window_is_open || fail "ended by new settings"

window_size 600 400
within 10 window_has_drawn || fail "draws nothing at a new size"
window_key F11
within 10 window_has_size 800 600 || fail "F11 does not fill the screen"
window_key F11
within 10 window_has_size 600 400 || fail "F11 is not the way back"
within 10 window_has_drawn || fail "draws nothing after full screen"
window_drag 300 200 380 180
window_wheel 2
window_wheel -1
sleep 0.5
window_is_open || fail "ended by the mouse or a new size"
window_shot turned
window_close
