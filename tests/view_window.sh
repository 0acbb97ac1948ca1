#!/bin/sh
# view_window.sh MEGABUDDY: view in a window of a virtual display, driven by keys and mouse: help, a
# picture, settings read again, a new size, and the end. 77 (skipped) where there is no such display.
set -u
program=$1
if [ "${2:-}" != inside ]; then
    for tool in xvfb-run xdotool; do
        if ! command -v $tool >/dev/null; then
            echo "skipped: no $tool"
            exit 77
        fi
    done
    # -noreset: else the display starts anew when the first xdotool, which is early, hangs up, and
    # turns away a viewer that comes just then.
    exec xvfb-run -a -s '-screen 0 800x600x24 -noreset' sh "$0" "$program" inside
fi
scratch=$(mktemp -d "${TMPDIR:-/tmp}/megabuddy-window-XXXXXX")
viewer=
trap '[ -n "$viewer" ] && kill "$viewer" 2>/dev/null; rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1

fail()
{
    echo "FAILED: $*"
    sed 's/^/    /' stderr
    exit 1
}

# within SECONDS COMMAND…: tries until the command succeeds.
within()
{
    tries=$(($1 * 5))
    shift
    while ! "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        kill -0 "$viewer" 2>/dev/null || return 1
        sleep 0.2
    done
}

"$program" bake --synthetic --width 1024 -o world.mega -q || exit 1
: >live.conf
"$program" view world.mega --size 320x200 --config live.conf 2>stderr &
viewer=$!
within 40 xdotool search --name '^Megabuddy$' || fail "no window"
window=$(xdotool search --name '^Megabuddy$' | head -1)
within 5 xdotool windowfocus "$window"

has_picture()
{
    [ -n "$(find . -name 'megabuddy-*.png' -size +1k)" ]
}

xdotool key F1 key Tab keydown w sleep 0.3 keyup w key t key p
within 20 has_picture || fail "P wrote no picture"

# A mistake keeps the old settings; a budget that is too small keeps the old world; a good one is taken.
printf 'ram: { budget = -1; };\n' >live.conf
sleep 1
printf 'vram: { budget = "64 KiB"; };\n' >live.conf
sleep 1
printf 'vram: { budget = "8 MiB"; };\nstream: { fade_ms = 50; };\n' >live.conf
sleep 1
kill -0 "$viewer" || fail "ended by new settings"

xdotool windowsize "$window" 400 300
xdotool mousemove --window "$window" 100 100 mousedown 1 mousemove_relative -- 60 -20 mouseup 1 \
    click 4 click 5
sleep 1
kill -0 "$viewer" || fail "ended by the mouse or a new size"

xdotool key Escape
(
    sleep 30
    kill "$viewer"
) >/dev/null 2>&1 &
guard=$!
wait "$viewer"
code=$?
kill "$guard" 2>/dev/null
viewer=
[ "$code" -eq 0 ] || fail "exit code $code after Esc"
[ ! -s stderr ] || fail "spoke on stderr"
