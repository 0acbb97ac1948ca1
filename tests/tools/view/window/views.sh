#!/bin/sh
# views.sh MEGABUDDY PROBE: each view by its key, the other scene, freezing, jumping, a path recorded
# and flown, all under OpenGL's own checks. 77 (skipped) where there is no display.
program=$1 probe=$2
. "$(dirname "$0")/window.sh"

# differs_soon NAME BY WHAT: the window comes to look other than picture NAME.
differs_soon()
{
    await window_differs "$1" "$2" || fail "$3"
}

"$program" bake --synthetic --width 2048 -o world.mega -q || exit 1
# A camera that stands still from the beginning, near the ground.
printf '0 0 30 0 20 -25\n36000 0 30 0 20 -25\n' >still.path
window_display 800x600
window_start world.mega --size 640x400 --path still.path --gl-debug
window_settled
window_shot final

# Every view is another picture than the final one and than the view before.
before=final
for view in 2 3 4 5 6; do
    window_key $view
    window_becomes view $view
    differs_soon final 2 "key $view shows the final picture"
    [ $before = final ] || differs_soon "$before" 2 "key $view shows what the key before did"
    window_shot "view-$view"
    before=view-$view
done
window_key 1
await window_probe psnr "$shots/final.png" above=30 || fail "key 1 is not the way back"

# The left half of the view of mips is what is wanted, the right what is got: at rest the same.
window_key 2
window_settled
window_geometry
half=$((window_WIDTH / 2 - 4))
"$probe" "$screen" png left.png "$window_X" "$((window_Y + 100))" $half 250
"$probe" "$screen" psnr left.png above=25 $((window_X + window_WIDTH / 2 + 1)) $((window_Y + 100)) \
    $half 250 >/dev/null || fail "at rest, the mips got are not those wanted"
window_key 1

# The other scene, and back.
window_key v
differs_soon final 8 "V shows the same scene"
window_becomes terrain 0
window_settled
window_shot flat
window_key v
differs_soon flat 8 "V is not the way back"

# A jump is somewhere else.
window_key j
differs_soon final 8 "J stays where it was"

# A path is recorded, written, read back, and flown.
window_key r
window_becomes recording 1
window_hold 30 w
window_key r
window_becomes recording 0
has_path()
{
    [ -n "$(find . -name 'megabuddy-*.path' -size +0)" ]
}
await has_path || fail "R wrote no path"
path=$(find . -name 'megabuddy-*.path')
[ "$(grep -vc '^#' "$path")" -ge 2 ] || fail "a path of less than two keys"
window_key t
window_becomes touring 1
window_frames 10
window_key l f f
window_close
"$program" view world.mega --headless --frames 2 --size 64x36 --path "$path" 2>stderr ||
    fail "its own path is refused"
