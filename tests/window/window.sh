# window.sh: tests that drive the viewer's window as hands would, on a display without a screen.
# Sourced by POSIX shells as
#
#     program=MEGABUDDY probe=WINDOW_PROBE
#     . window.sh                    a folder of the test's own, left and removed at the end; or the
#                                    end with 77 (skipped) where Xvfb or xdotool is missing
#     window_display 800x600         starts a display; "$screen" is the file of its pixels
#     window_start world.mega …      starts the viewer there, waits until it has drawn
#     …
#     window_close                   Esc: exit code 0, nothing on stderr, closed soon
#
# What a test says goes to stdout; fail WHY… ends it, with what the viewer said and a picture.
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
display='' viewer='' window=''
trap window_end EXIT
trap 'exit 1' INT TERM HUP
cd "$scratch" || exit 1
: >stderr

window_end()
{
    [ -n "$viewer" ] && kill "$viewer" 2>/dev/null
    [ -n "$display" ] && kill "$display" 2>/dev/null
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

# within SECONDS COMMAND…: tries until the command succeeds; fails early when the viewer has ended.
within()
{
    tries=$(($1 * 10))
    shift
    while ! "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        [ -z "$viewer" ] || kill -0 "$viewer" 2>/dev/null || return 1
        sleep 0.1
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
    within 20 test -s display-number || fail "no display: $(cat display-said)"
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
    within 60 xdotool search --onlyvisible --name '^Megabuddy' || fail "no window"
    window=$(xdotool search --onlyvisible --name '^Megabuddy' | head -1)
    within 5 xdotool windowfocus "$window" || fail "no focus"
    within 60 window_has_drawn || fail "draws nothing"
}

# window_start ARGS…: the viewer.
window_start()
{
    window_run "$program" view "$@"
}

window_is_open()
{
    kill -0 "$viewer" 2>/dev/null
}

# --- frames: the viewer counts them in a line "frame N 0 0 0" of its layout ---

window_frame()
{
    awk '$1 == "frame" { print $2 }' "$scratch/layout" 2>/dev/null
}

window_is_at_frame()
{
    [ "$(window_frame)" -ge "$1" ]
}

# window_frames N: waits until so many more have been shown; where nobody counts, a moment.
window_frames()
{
    frame=$(window_frame)
    if [ -z "$frame" ]; then
        sleep 0.1
    else
        within 20 window_is_at_frame $((frame + $1)) || true # it may be about to end
    fi
}

# --- hands ---

# window_key KEY…: each pressed and let go.
window_key()
{
    for key in "$@"; do
        xdotool key --delay 60 "$key"
        window_frames 2
    done
}

# window_hold SECONDS KEY
window_hold()
{
    xdotool keydown "$2"
    sleep "$1"
    xdotool keyup "$2"
}

# window_point X Y: the mouse is there, and a frame has seen it.
window_point()
{
    xdotool mousemove --window "$window" "$1" "$2"
    window_frames 2
}

# window_click X Y [BUTTON]: held for some frames, for a press and its end in one are nothing to see.
window_click()
{
    window_point "$1" "$2"
    xdotool mousedown "${3:-1}"
    window_frames 2
    xdotool mouseup "${3:-1}"
    window_frames 2
}

# window_drag X0 Y0 X1 Y1: with the left button, in ten steps.
window_drag()
{
    window_point "$1" "$2"
    xdotool mousedown 1
    window_frames 2
    for step in 1 2 3 4 5 6 7 8 9 10; do
        xdotool mousemove --window "$window" $(($1 + ($3 - $1) * step / 10)) \
            $(($2 + ($4 - $2) * step / 10))
        sleep 0.03
    done
    window_frames 2
    xdotool mouseup 1
    window_frames 2
}

# window_wheel NOTCHES: up, or down where they are less than 0, at the mouse.
window_wheel()
{
    button=4 notches=$1
    [ "$notches" -ge 0 ] || button=5 notches=$((-notches))
    [ "$notches" -eq 0 ] || xdotool click --delay 60 --repeat "$notches" "$button"
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
    within 5 window_has_size "$1" "$2" || fail "does not become $1x$2"
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
    within 5 window_find_control "$1" || return 1
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

# window_close [SECONDS]: Esc ends the viewer, within 10 seconds if nothing else is said; says how long it
# took, in $closed_ms too.
window_close()
{
    began=$(date +%s%N)
    xdotool key Escape
    limit=$((${1:-10} * 50))
    while window_is_open; do
        limit=$((limit - 1))
        [ "$limit" -gt 0 ] || fail "still open after Esc"
        sleep 0.02
    done
    closed_ms=$((($(date +%s%N) - began) / 1000000))
    wait "$viewer"
    code=$?
    viewer=''
    [ "$code" -eq 0 ] || fail "exit code $code after Esc"
    [ ! -s stderr ] || fail "spoke on stderr"
    echo "closed in $closed_ms ms"
}
