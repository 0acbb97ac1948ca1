#!/bin/sh
# harness.sh MEGABUDDY PROBE: the harness itself: a probe tells pictures from each other, and hands get
# to the controls that a layout names. 77 (skipped) where there is no display.
program=$1 probe=$2
. "$(dirname "$0")/window.sh"

# says TEXT COMMAND…: its output, and exit code 0.
says()
{
    text=$1
    shift
    got=$("$@") || fail "exit code $?: $*"
    [ "$got" = "$text" ] || fail "'$got' instead of '$text': $*"
}

# refuses CODE COMMAND…
refuses()
{
    code=$1
    shift
    "$@" >/dev/null 2>&1
    got=$?
    [ "$got" -eq "$code" ] || fail "exit code $got, not $code: $*"
}

window_display 640x400
says 1 "$probe" "$screen" colours
says '0.00 0.00 0.00' "$probe" "$screen" mean 10 10 100 50
"$probe" "$screen" png black.png || fail "no picture of the screen"
refuses 2 "$probe" "$screen" colours 600 0 41 10
refuses 2 "$probe" "$screen" mean 1 2 3
refuses 2 "$probe" "$screen" guess
refuses 2 "$probe" absent colours
refuses 2 "$probe" display-said colours

"$program" bake --synthetic --width 512 -o world.mega -q || exit 1
window_start world.mega --size 320x200
window_shot first
refuses 0 "$probe" "$screen" differ black.png above=1
refuses 1 "$probe" "$screen" differ black.png below=1
refuses 1 "$probe" "$screen" psnr black.png above=60
says 0.000 "$probe" "$shots/first.png" differ "$shots/first.png"
says 99.000 "$probe" "$shots/first.png" psnr "$shots/first.png" above=98
says 0.000 "$probe" black.png differ black.png below=1 0 0 20 20
refuses 2 "$probe" "$screen" differ "$shots/first.png"

# A layout of our own, whatever the viewer says of its controls.
layout=$scratch/made-up
printf 'speed 100 50 101 16\nhalf 1 2\nfly 20 30 40 10\n' >"$layout"
says '100 50 101 16' window_control speed
refuses 1 window_find_control half
refuses 1 window_find_control spee

# mouse_at X Y
mouse_at()
{
    window_geometry
    eval "$(xdotool getmouselocation --shell | sed -n 's/^\([XY]\)=/mouse_\1=/p')"
    [ "$((mouse_X - window_X)) $((mouse_Y - window_Y))" = "$1 $2" ] || fail "mouse at $mouse_X $mouse_Y"
}
window_press fly
mouse_at 40 35
window_slide speed 0.25 1
mouse_at 200 58
window_size 400 300
window_close
