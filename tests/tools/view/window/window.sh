# window.sh: tests that drive the viewer's window as hands would, on a display without a screen.
# Sourced by POSIX shells as
#
#     program=MEGABUDDY probe=WINDOW_PROBE
#     . window.sh                    a folder of the test's own, left and removed at the end; or the
#                                    end with 77 (skipped) where Xvfb or xdotool is missing
#     window_display 800x600         starts a display; "$screen" is the file of its pixels
#     window_start world.mega …      starts the viewer there, waits until it has drawn
#     …
#     window_close                   Esc: exit code 0, nothing on stderr
#
# What a test says goes to stdout; fail WHY… ends it, with what the viewer said and a picture. Nothing
# here goes by a clock: machines are slow, and busy with other things. One waits for a condition with
# `await`, for frames, or for the streamer to be at rest.
# Coordinates are pixels of the window. Pictures are kept in $MEGABUDDY_SHOTS, where that is set.
set -u

for tool in Xvfb xdotool; do
    if ! command -v $tool >/dev/null; then
        echo "skipped: no $tool"
        exit 77
    fi
done

scratch=$(mktemp -d "${TMPDIR:-/tmp}/megabuddy-window-XXXXXX") || exit 1
shots=${MEGABUDDY_SHOTS:-$scratch}
mkdir -p "$shots"
layout=$scratch/layout # of the viewer's controls, by itself
patience=${MEGABUDDY_PATIENCE:-600} # seconds; what takes longer hangs
display='' viewer='' window=''
trap window_end EXIT
trap 'exit 1' INT TERM HUP
cd "$scratch" || exit 1
: >stderr

window_end()
{
    for child in $viewer $display; do # at once, and gone before their folder is
        kill -KILL "$child" && wait "$child"
    done 2>/dev/null
    cd /
    rm -rf "$scratch"
}

fail()
{
    echo "FAILED: $*"
    sed 's/^/    /' stderr
    [ -n "$display" ] && "$probe" "$screen" png "$shots/failed-$$.png"
    exit 1
}

# await COMMAND…: tries until the command succeeds; fails when the viewer has ended.
await()
{
    deadline=$(($(date +%s) + patience))
    while ! "$@" >/dev/null 2>&1; do
        [ "$(date +%s)" -lt $deadline ] || return 1
        [ -z "$viewer" ] || kill -0 "$viewer" 2>/dev/null || return 1
        sleep 0.05
    done
}

# window_display WxH: a display of that size. The display chooses its number and says it.
window_display()
{
    # -noreset: else it starts anew whenever its last client, an xdotool, hangs up.
    Xvfb -displayfd 3 -screen 0 "$1x24" -fbdir "$scratch" -noreset -nolisten tcp \
        3>display-number >display-said 2>&1 &
    display=$!
    screen=$scratch/Xvfb_screen0
    unset XAUTHORITY
    await test -s display-number || fail "no display: $(cat display-said)"
    DISPLAY=:$(cat display-number)
    export DISPLAY
}

# What shell commands of xdotool and the like need: x, y, width and height of the window.
window_geometry()
{
    eval "$(xdotool getwindowgeometry --shell "$window" | sed -n 's/^\(X\|Y\|WIDTH\|HEIGHT\)=/window_\1=/p')"
}

# Whether more colours are on screen than a window has that has only just been opened.
window_has_drawn()
{
    window_geometry
    [ "$("$probe" "$screen" colours "$window_X" "$window_Y" "$window_WIDTH" "$window_HEIGHT")" -gt 32 ]
}

# window_run COMMAND…: starts it, focused, and with its first picture shown.
window_run()
{
    : >"$layout"
    MEGABUDDY_LAYOUT=$layout "$@" >stdout 2>stderr &
    viewer=$!
    await xdotool search --onlyvisible --name '^Megabuddy' || fail "no window"
    window=$(xdotool search --onlyvisible --name '^Megabuddy' | head -1)
    await xdotool windowfocus "$window" || fail "no focus"
    await window_has_drawn || fail "draws nothing"
}

# window_start ARGS…: the viewer.
window_start()
{
    window_run "$program" view "$@"
    window_frames 1
}

window_is_open()
{
    kill -0 "$viewer" 2>/dev/null
}

# --- how things stand: the viewer says it in lines "NAME VALUE" of its layout, see overlay.h ---

# window_state NAME
window_state()
{
    awk -v name="$1" '$1 == name && NF == 2 { print $2 }' "$scratch/layout"
}

# window_is NAME VALUE
window_is()
{
    [ "$(window_state "$1")" = "$2" ]
}

# window_says PATTERN: whether a message that is shown has it.
window_says()
{
    grep -q "^says .*$1" "$scratch/layout"
}

# window_reaches NAME LEAST: whether it is as much by now.
window_reaches()
{
    value=$(window_state "$1")
    [ -n "$value" ] && [ "$value" -ge "$2" ]
}

# window_becomes NAME VALUE: waits for it.
window_becomes()
{
    await window_is "$1" "$2" || fail "$1 is $(window_state "$1") and does not become $2"
}

# window_note NAME: remembers how much it is, and window_grows NAME waits until it is more.
window_note()
{
    noted=$(window_state "$1")
}

window_grows()
{
    await window_reaches "$1" $((noted + 1)) || fail "$1 stays $noted"
}

# window_frames N: waits until so many more have been drawn. One was under way and has perhaps not seen
# what was done last; the second has; when the third is there, the second has been shown.
window_frames()
{
    frame=$(window_state frame)
    await window_reaches frame $((${frame:-0} + $1)) || fail "draws no more frames"
}

window_rests()
{
    window_is settled 1 && window_is message 0
}

# window_settled: waits until all that the camera sees is there, and no message is over it.
window_settled()
{
    window_frames 5 # feedback of what was done last is under way for some
    await window_rests || fail "does not come to rest"
    window_frames 3
}

# --- hands ---

# window_key KEY…: each pressed and let go, and what that does is shown.
window_key()
{
    for key in "$@"; do
        xdotool key --delay 60 "$key"
        window_frames 3
    done
}

# window_hold FRAMES KEY
window_hold()
{
    xdotool keydown "$2"
    window_frames "$1"
    xdotool keyup "$2"
    window_frames 3
}

# window_point X Y: the mouse is there, and a frame has seen it.
window_point()
{
    xdotool mousemove --window "$window" "$1" "$2"
    window_frames 3
}

# window_click X Y [BUTTON]: one command, for it is a click only when the button is let go at once.
window_click()
{
    window_point "$1" "$2"
    xdotool click "${3:-1}"
    window_frames 3
}

# window_drag X0 Y0 X1 Y1: with the left button, in steps that are seen.
window_drag()
{
    window_point "$1" "$2"
    xdotool mousedown 1
    window_frames 3
    for step in 1 2 3 4 5; do
        xdotool mousemove --window "$window" $(($1 + ($3 - $1) * step / 5)) $(($2 + ($4 - $2) * step / 5))
        window_frames 2
    done
    xdotool mouseup 1
    window_frames 3
}

# window_wheel NOTCHES: up, or down where they are less than 0, at the mouse.
window_wheel()
{
    button=4 notches=$1
    [ "$notches" -ge 0 ] || button=5 notches=$((-notches))
    [ "$notches" -eq 0 ] || xdotool click --delay 60 --repeat "$notches" "$button"
    window_frames 3
}

window_has_size()
{
    window_geometry
    [ "$window_WIDTH $window_HEIGHT" = "$1 $2" ]
}

# window_size WIDTH HEIGHT: makes it that large.
window_size()
{
    xdotool windowsize "$window" "$1" "$2"
    await window_has_size "$1" "$2" || fail "does not become $1x$2"
}

# --- eyes ---

# window_probe COMMAND…: looks at the window: png OUT.png, mean, colours, differ …, psnr …
window_probe()
{
    window_geometry
    "$probe" "$screen" "$@" "$window_X" "$window_Y" "$window_WIDTH" "$window_HEIGHT"
}

# window_shot NAME: keeps a picture of the window as $shots/NAME.png.
window_shot()
{
    window_probe png "$shots/$1.png" || fail "no picture $1"
}

# window_differs NAME BY: whether it looks other than it did by more than that, of 255.
window_differs()
{
    window_probe differ "$shots/$1.png" "above=$2"
}

# --- the viewer's controls, by name: it writes "name x y width height" lines to $layout ---

window_find_control()
{
    awk -v name="$1" '$1 == name && NF == 5 { r = $2 " " $3 " " $4 " " $5 }
        END { print r; exit r == "" }' "$layout"
}

# window_control NAME: prints x y width height; waits for it to be there.
window_control()
{
    await window_find_control "$1" || return 1
    window_find_control "$1"
}

# window_press NAME: clicks its middle.
window_press()
{
    rectangle=$(window_control "$1") || fail "no control $1"
    # shellcheck disable=SC2086
    set -- $rectangle
    window_click $(($1 + $3 / 2)) $(($2 + $4 / 2))
}

# window_slide NAME FROM TO: drags on it from one share of its width to another, 0 … 1.
window_slide()
{
    rectangle=$(window_control "$1") || fail "no control $1"
    # shellcheck disable=SC2046
    window_drag $(echo "$rectangle $2 $3" | awk '{
        y = int($2 + $4 / 2)
        printf "%d %d %d %d", $1 + $5 * ($3 - 1), y, $1 + $6 * ($3 - 1), y
    }')
}

# --- the end ---

# window_ends: waits until the viewer has ended by itself; its exit code is in $code.
window_ends()
{
    deadline=$(($(date +%s) + patience))
    while window_is_open; do
        [ "$(date +%s)" -lt $deadline ] || return 1
        sleep 0.05
    done
    wait "$viewer"
    code=$?
    viewer=''
}

# window_close: Esc ends the viewer; says how long that took.
window_close()
{
    began=$(date +%s%N)
    xdotool key Escape
    window_ends || fail "still open after Esc"
    [ "$code" -eq 0 ] || fail "exit code $code after Esc"
    [ ! -s stderr ] || fail "spoke on stderr"
    echo "closed in $((($(date +%s%N) - began) / 1000000)) ms"
}
