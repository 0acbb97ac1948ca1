#!/bin/sh
# wide.sh MEGABUDDY PROBE: a window that is dragged wider than any screen, higher, and as small as
# may be, with a budget that would let feedback see every pixel. 77 (skipped) where there is no
# display.
program=$1 probe=$2
. "$(dirname "$0")/window.sh"

# readers: the threads that read; others when the world has been opened anew.
readers()
{
    grep -ls '^fetch$' /proc/"$viewer"/task/*/comm
}

# opened_anew FUNCTION…: waits until what it does has the world opened anew, for a minute.
opened_anew()
{
    was=$(readers)
    "$@"
    tries=600
    while [ "$(readers)" = "$was" ] || [ -z "$(readers)" ]; do
        tries=$((tries - 1))
        window_is_open || fail "ended: $*"
        [ "$tries" -gt 0 ] || fail "the world is not opened anew: $*"
        sleep 0.1
    done
}

"$program" bake --synthetic --width 512 -o world.mega -q || exit 1
window_display 800x600
window_start world.mega --size 320x200 --set vram.budget='2 GiB'
opened_anew window_size 10240 40
opened_anew window_size 40 10240
opened_anew window_size 1 1
opened_anew window_size 320 200
window_is_open || fail "ended"
window_close
