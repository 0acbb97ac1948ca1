#!/bin/sh
# sizes.sh MEGABUDDY PROBE: a window that becomes larger, fills the screen, and becomes small again, with
# nothing drawn over the scene, shows all of it at once. 77 (skipped) where there is no display.
program=$1 probe=$2
. "$(dirname "$0")/window.sh"

# shows_the_scene NAME: the window looks as the scene does, which a picture of it tells. The window is
# looked at before the picture is taken, since that is said on screen.
shows_the_scene()
{
    window_settled
    window_shot "$1"
    rm -f megabuddy-*.png
    window_key p
    "$probe" "$shots/$1.png" psnr megabuddy-*.png above=30 || fail "$1: the window is not the scene"
    window_settled
}

"$program" bake --synthetic --width 1024 -o world.mega -q || exit 1
printf '0 0 60 0 20 -25\n36000 0 60 0 20 -25\n' >still.path
window_display 800x600
window_start world.mega --size 400x300 --path still.path
shows_the_scene first
for size in '640 480' '320 400'; do
    window_note worlds
    # shellcheck disable=SC2086
    window_size $size
    window_grows worlds
    shows_the_scene "$(echo "$size" | tr ' ' x)"
done
window_note worlds
window_key F11
await window_has_size 800 600 || fail "F11 does not fill the screen"
window_grows worlds
shows_the_scene full
window_note worlds
window_key F11
await window_has_size 320 400 || fail "F11 is not the way back"
window_grows worlds
shows_the_scene back
window_close
