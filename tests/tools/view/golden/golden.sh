#!/bin/sh
# golden.sh MEGABUDDY PROBE [--make]: the main views of a synthetic world beside pictures of them in
# this folder; --make draws those anew, to be looked at before they are kept. 77 (skipped) where there
# is no EGL.
#
# The tolerance: renderers may disagree in the last bits of a colour and about which pixel an edge falls
# on. Mesa's in software agrees with itself bit for bit, however wide its registers; a quarter of all
# edge pixels tipped over would be some 35 dB. The picture of the first frame, which is the same but
# blurred, is 29 dB from the sharp one; another view, or a texture off by a page, below 23.
set -u
program=$1 probe=$2 make=${3:-}
golden=$(cd "$(dirname "$0")" && pwd)
least=32
scratch=$(mktemp -d "${TMPDIR:-/tmp}/megabuddy-golden-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
unset DISPLAY WAYLAND_DISPLAY
failures=0

"$program" bake --synthetic --width 2048 -o world.mega -q || exit 1
printf '0 -200 30 -50 60 -22\n1 -200 30 -50 60 -22\n' >island.path
printf '0 -190 40 -60 0 -90\n1 -190 40 -60 0 -90\n' >above.path

# NAME FRAME PATH ARGS…: draws, and compares a frame of it. In the first one most pages are missing.
look()
{
    name=$1 frame=$2 path=$3
    shift 3
    if ! "$program" view world.mega --headless --deterministic --frames 3 --size 240x135 --path "$path" \
        --report "$name" "$@" 2>said; then
        grep -q EGL said && exit 77
        cat said
        exit 1
    fi
    if [ "$make" = --make ]; then
        cp "$name/$frame.png" "$golden/$name.png"
    elif ! "$probe" "$name/$frame.png" psnr "$golden/$name.png" above=$least >psnr; then
        echo "FAILED: $name is $(cat psnr) dB from $golden/$name.png, less than $least"
        failures=$((failures + 1))
    fi
}

look final final island.path
look final-first frame-0000 island.path
look picture final above.path --set view.scene=picture
look mips final island.path --view mips
look mips-first frame-0000 island.path --view mips
look borders final above.path --view borders --set view.scene=picture
look age final island.path --view age
look heat-first frame-0000 island.path --view heat
look wireframe final island.path --view wireframe
[ "$failures" -eq 0 ]
