#!/bin/sh
# overlay.sh MEGABUDDY PROBE: the overlay as hands use it: sliders, boxes and buttons, each with what it
# does; asking a pixel; settings written and read back; sizes; and closing while the disk is slow.
# 77 (skipped) where there is no display.
program=$1 probe=$2
. "$(dirname "$0")/window.sh"

# settings: has the viewer write its settings, into $settings.
settings()
{
    rm -f megabuddy-*.conf
    window_key F5
    settings=$(echo megabuddy-*.conf)
    [ -s "$settings" ] || fail "F5 wrote no settings"
}

# picture KEY: has the viewer save one, as $picture.
picture()
{
    rm -f megabuddy-*.png
    window_key "$1"
    picture=$(echo megabuddy-*.png)
    [ -s "$picture" ] || fail "$1 wrote no picture"
}

# set_to KEY VALUE: whether the settings written last have it; VALUE is a pattern.
set_to()
{
    grep -q "^ *$1 = $2;" "$settings" || fail "$1 is $(grep "^ *$1 = " "$settings"), not $2"
}

"$program" bake --synthetic --width 2048 -o world.mega -q || exit 1
printf '0 0 30 0 20 -25\n36000 0 30 0 20 -25\n' >still.path
: >live.conf
window_display 1280x800
window_start world.mega --size 1024x700 --path still.path --config live.conf --gl-debug
window_settled
window_shot bare
window_key Tab
await window_differs bare 10 || fail "Tab shows nothing"

# The maps are there, and not of one colour.
has_colours()
{
    # shellcheck disable=SC2046
    set -- $(window_find_control "map.$1")
    window_geometry
    [ "$("$probe" "$screen" colours $((window_X + $1)) $((window_Y + $2)) "$3" "$4")" -gt 2 ]
}
for map in disk ram atlas; do
    window_control map.$map >/dev/null || fail "no map of $map"
    await has_colours $map || fail "the map of $map is empty"
done

# What lies under the panels is not drawn, but it is in a picture of the scene.
picture p
"$probe" "$picture" psnr "$shots/bare.png" above=30 10 10 280 500 >/dev/null ||
    fail "the picture has holes under the panels"

# Sliders of live settings act while they are dragged, those that open the world anew when let go.
window_slide stream.fade_ms 0.1 0.5
window_slide stream.bias_max 0.5 0.02
window_slide vram.budget 0.5 0.3
window_slide ram.budget 0.6 0.3
settings
set_to fade_ms '1[0-9][0-9][0-9]\|9[0-9][0-9]'
set_to bias_max '0.[0-9]*\|0'
budget=$(sed -n '/^vram/,/^}/s/^ *budget = "\([0-9]*\) \([KM]\)iB";/\1 \2/p' "$settings" |
    awk '{ print $2 == "M" ? $1 * 1024 : $1 }')
[ "${budget:-0}" -gt 8192 ] && [ "$budget" -lt 65536 ] || fail "vram.budget slid to '$budget' KiB"
await window_has_drawn || fail "draws nothing with other budgets"

# Boxes and buttons.
window_press slow_disk
window_press freeze
window_press freeze
settings
set_to delay_ms 10
set_to rate '"20 MiB"'
for control in flush.disk flush.ram flush.atlas ram.by_age atlas.by_age; do
    window_press $control
done
window_shot here
window_press teleport
await window_differs here 4 || fail "Teleport stays where it was"
window_press slow_disk
settings
set_to delay_ms 0

# Why is this pixel blurry? A click asks, a press on x ends it.
window_click 520 600
window_control pick.close >/dev/null || fail "a click asks nothing"
window_press pick.close
window_becomes pick 0

# A mistake in the file is said and changes nothing; a good file is taken.
settings
cp "$settings" before.conf
window_note log
printf 'ram: {\n  budget = -1;\n};\n' >live.conf
window_grows log
settings
cmp -s "$settings" before.conf || fail "a mistake changed the settings"
printf 'stream: { fade_ms = 77; };\n' >new.conf
window_note worlds
mv new.conf live.conf # as editors do
window_grows worlds   # for the budgets are not what sliders had made them any more
settings
set_to fade_ms 77

# The window's own picture, the overlay with it.
picture shift+p
"$probe" "$picture" colours >/dev/null || fail "shift P wrote no PNG"

# Small, smaller, and large again, the overlay open.
for size in '320 200' '90 60' '1100 700'; do
    window_note worlds
    # shellcheck disable=SC2086
    window_size $size
    window_grows worlds
done
window_shot large

# A disk that needs hours for a read does not keep the window open.
printf 'disk: { delay_ms = 10000; rate = "1 B"; };\n' >live.conf
window_note worlds
window_size 1000 700 # empties the tiers, so that there is something to read
window_grows worlds
window_key j
await window_reaches reading 1 || fail "reads nothing after a jump"
window_close
