#!/bin/sh
# view_cli.sh MEGABUDDY [SHIM]: view without a window: pictures, report and determinism of small worlds, and
# what is said about bad input. Exit code 1 when a case fails, 77 (skipped) where there is no EGL.
set -u
program=$1
shim=${2:-} # libbuddy-malloc.so, by which requests for memory fail on demand
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/megabuddy-view-XXXXXX")
mounted=
clean_up()
{
    if [ -n "$mounted" ]; then
        umount "$mounted"
    fi
    rm -rf "$scratch"
}
trap clean_up EXIT
cd "$scratch" || exit 1
unset DISPLAY WAYLAND_DISPLAY
. "$here/../cli.sh"

# has FILE TEXT: a line of FILE has TEXT in it.
has()
{
    if ! grep -q -- "$2" "$1"; then
        fail "$1 has no $2: $(cat "$1")"
    fi
}

# expect_lost LINES TEXT COMMAND…: the run fails at its end: exit code 1, TEXT, and beside the summary so
# many lines.
expect_lost()
{
    lines=$1 text=$2
    shift 2
    "$@" >stdout 2>stderr
    got=$?
    if [ "$got" -ne 1 ]; then
        fail "exit code $got, not 1: $*"
    elif [ "$(grep -c '^megabuddy: ' stderr)" -ne "$lines" ] || ! grep -q -- "$text" stderr; then
        fail "not $lines lines, or not '$text': $*"
    fi
}

printf 'P6\n1000 700\n255\n' >odd.ppm
awk 'BEGIN { for (i = 0; i < 700000; i++) printf "%c%c%c", 40 + i % 80, 40 + i / 1000 % 80, 99 }' \
    </dev/null >>odd.ppm # no power of two; printable bytes, which every awk writes as they are
"$program" bake odd.ppm -o odd.mega -q || exit 1
"$program" bake --synthetic --width 1024 -o world.mega -q || exit 1

# What is wrong before anything is drawn.
expect 0 '' "$program" view --help
has stdout 'upload_bytes = "4 MiB"'
expect 2 'no world' "$program" view
expect 2 'only one world' "$program" view a.mega b.mega
expect 2 'frobnicate: no such option' "$program" view world.mega --frobnicate
expect 2 'size: needs a value' "$program" view world.mega --size
expect 2 'from 16 to 16384' "$program" view world.mega --size 0x100
expect 2 'from 16 to 16384' "$program" view world.mega --size 640
expect 2 'from 1 to 1000000' "$program" view world.mega --headless --frames 0
expect 2 'need --headless' "$program" view world.mega --frames 5
expect 2 'vram.budget=-5: must be a size' "$program" view world.mega --set vram.budget=-5
expect 2 'vram.size: no such key' "$program" view world.mega --set vram.size=5
printf 'ram: {\n  budget = "none";\n};\n' >bad.conf
expect 2 'bad.conf:2: ram.budget = none: must be a size' "$program" view world.mega --config bad.conf
expect 2 'absent.conf: No such file' "$program" view world.mega --config absent.conf
expect 1 'no display.*--headless' "$program" view world.mega
# Without a display, too, a file that is missing or wrong is what is said to be so.
expect 1 'absent.mega: cannot be opened: No such' "$program" view absent.mega
expect 1 'odd.ppm: is not a page file' "$program" view odd.ppm
expect 1 'absent.path: No such file' "$program" view world.mega --path absent.path

# A context without a display, or nothing more can be tried.
"$program" view world.mega --headless --frames 1 --size 64x36 >stdout 2>stderr
if grep -qi 'EGL' stderr && ! grep -q 'frames,' stderr; then
    expect 1 'EGL' "$program" view world.mega --headless --frames 1
    [ "$failures" -eq 0 ] && exit 77
    exit 1
fi
# Neither a display nor EGL: where its drivers are found through libglvnd, they can be hidden.
if [ -d /usr/share/glvnd/egl_vendor.d ]; then
    expect 1 'EGL' env -u DISPLAY __EGL_VENDOR_LIBRARY_FILENAMES=/nonexistent \
        "$program" view world.mega --headless --frames 1
fi
expect 1 'absent.mega: cannot be opened: No such' "$program" view absent.mega --headless
: >empty.mega
expect 1 'empty.mega: is too short' "$program" view empty.mega --headless
head -c 5000 world.mega >cut.mega
expect 1 'cut.mega: ' "$program" view cut.mega --headless
expect 1 'odd.ppm: is not a page file' "$program" view odd.ppm --headless
expect 1 '\.: ' "$program" view . --headless
expect 2 'vram.budget = ' "$program" view world.mega --headless --set vram.budget='64 KiB'
expect 2 'ram.budget = ' "$program" view world.mega --headless --set ram.budget='64 KiB'
printf '0 0 50 0 0 -20\n1 0 x 0 0 0\n' >bad.path
expect 1 'bad.path:2: x: not a number' "$program" view world.mega --headless --path bad.path
expect 1 'absent.path: No such file' "$program" view world.mega --headless --path absent.path
: >file
expect 1 'file/t.json: Not a directory' "$program" view world.mega --headless --frames 1 \
    --trace file/t.json
expect 1 'file/r: Not a directory' "$program" view world.mega --headless --frames 1 --report file/r

# Screens as wide or high as there are, with room for feedback of every pixel.
for size in 10240x16 16x10240; do
    expect 0 '2 frames, .*holes 0, wrong pages 0' "$program" view world.mega --headless --frames 2 \
        --size $size --set vram.budget='2 GiB' --report wide-$size
    has stderr 'OpenGL messages 0'
    has stderr 'against the frame without streaming'
    rm -rf wide-$size
done

# Without --report nothing is written.
: >before
: >after
ls >before
expect 0 '3 frames, .*holes 0, wrong pages 0' "$program" view world.mega --headless --frames 3 \
    --size 160x90
ls >after
cmp -s before after || fail "files were written: $(diff before after)"

# A terrain and a picture, with their reports; deep folders are made.
for world in world odd; do
    expect 0 'holes 0, wrong pages 0' "$program" view $world.mega --headless --frames 20 \
        --size 200x120 --report out/deep/$world
    for file in report.json report.html frame-0000.png final.png reference.png \
        difference.png; do
        [ -s out/deep/$world/$file ] || fail "$world: no $file"
    done
    has out/deep/$world/report.json '"holes":.0,'
    has out/deep/$world/report.json '"wrong_pages":.0,'
    has out/deep/$world/report.json '"gl_messages":.0,'
    has out/deep/$world/report.json '"settled":.true'
    tr -d '\n\t ' <out/deep/$world/report.json >flat.json
    has flat.json '"plain_frame_ms":{"p50":[0-9]'
    has flat.json '"series":{"frame_ms":\[[0-9]'
    grep -qa 'Camera.0 [-0-9. ]*' out/deep/$world/final.png || fail "$world: no camera in final.png"
    grep -qa 'Settings' out/deep/$world/final.png || fail "$world: no settings in final.png"
    final=$(sed -n 's/.*"final":[^0-9]*\([0-9]*\).*/\1/p' out/deep/$world/report.json)
    [ "${final:-0}" -ge 99 ] || fail "$world: the final frame differs: $final dB"
done

# The views, none of which is the final picture.
expect 2 'view fog: must be final, mips' "$program" view world.mega --view fog
for view in final mips borders age heat wireframe; do
    expect 0 'holes 0, .*messages 0' "$program" view world.mega --headless --frames 2 --size 160x90 \
        --deterministic --view $view --report out/view/$view
    [ $view = final ] || ! cmp -s out/view/final/final.png out/view/$view/final.png ||
        fail "--view $view shows the final picture"
done

# A timeline has the threads in it, also of a run on a slow disk.
expect 0 'holes 0' "$program" view world.mega --headless --frames 5 --size 160x90 \
    --set disk.delay_ms=2 --set disk.rate='64 MiB' --trace out/t.json
for event in decode vt_update read insert arrivals finish 'mip bias' 'reads pending'; do
    has out/t.json "\"name\":\"$event\""
done
if command -v python3 >/dev/null; then
    python3 -m json.tool out/t.json >/dev/null || fail "out/t.json is not JSON"
fi

# Settings come from the file, and --set goes over it.
printf 'view: { width = 96; height = 54; };\nvram: { budget = "8 MiB"; };\n' >good.conf
expect 0 'holes 0' "$program" view world.mega --headless --frames 2 --config good.conf \
    --set vram.budget='16 MiB' --report out/set
has out/set/report.json '"width":.96'
has out/set/report.json '"budget":.16777216'

# So little video memory that pages stay as they are stored: soft, but the same picture.
expect 0 'holes 0' "$program" view world.mega --headless --frames 10 --size 320x180 \
    --set vram.budget='1 MiB' --report out/little
final=$(sed -n 's/.*"final":[^0-9]*\([0-9]*\).*/\1/p' out/little/report.json)
[ "${final:-0}" -ge 25 ] || fail "with little video memory the final frame is another: $final dB"

# The same pictures on every run.
for run in 1 2; do
    expect 0 'holes 0' "$program" view world.mega --headless --frames 16 --size 160x90 \
        --deterministic --set vram.budget='3 MiB' --set vram.format=bc1 --report out/$run
done
for picture in out/1/*.png; do
    cmp -s "$picture" "out/2/${picture##*/}" || fail "not the same on the second run: $picture"
done
for run in 1 2; do # and the same requests, uploads and evictions
    sed -n 's/.*"events_hash":[^0-9a-f]*\([0-9a-f]*\).*/\1/p' out/$run/report.json >hash-$run
done
[ -s hash-1 ] && cmp -s hash-1 hash-2 || fail "another log of events on the second run"

# Interrupted: one line, no half report, and what was in RAM is kept.
"$program" view world.mega --headless --frames 1000000 --size 64x36 --report out/early \
    --set ram.suspend=early.ram >stdout 2>stderr &
run=$!
await [ -s out/early/frame-0000.png ] || fail "no first frame"
kill -TERM $run
wait $run
got=$?
[ $got -eq 1 ] || fail "exit code $got after SIGTERM"
lines=$(grep -c '^megabuddy: view: interrupted after [0-9]* of 1000000 frames; the report is of those$' stderr)
[ "$lines" -eq 1 ] || fail "does not say that it was interrupted: $(cat stderr)"
has out/early/report.json '"interrupted":.true'
[ "$(tail -c 2 out/early/report.json)" = '}' ] || fail "half a report.json"
grep -q '</html>' out/early/report.html || fail "half a report.html"
[ -s early.ram ] || fail "what was in RAM is lost"

# Requests of the program for memory that fail one at a time, those of the OpenGL loader among them:
# it works all the same, or says in one line why not.
for nth in 1 2 3 40 300; do
    [ -n "$shim" ] || break
    code=0
    BUDDY_FAULT=nth=$nth,site=megabuddy LD_PRELOAD="$shim" "$program" view world.mega --headless \
        --frames 1 --size 64x36 >stdout 2>stderr || code=$?
    [ $code -le 2 ] || fail "without memory for request $nth: exit code $code: $(cat stderr)"
    [ $code -eq 0 ] || [ "$(grep -c '^megabuddy: ' stderr)" -eq 1 ] ||
        fail "without memory for request $nth: not one line: $(cat stderr)"
done

# A cut is reported; a world named by the settings is found.
printf '0 0 60 0 0 -30\n0.2 0 60 0 0 -30\n0.3 300 60 0 90 -30 cut\n1 300 60 0 90 -30\n' >cut.path
expect 0 'holes 0' "$program" view --headless --set disk.source=world.mega --path cut.path \
    --frames 12 --size 160x90 --deterministic --set stream.fade_ms=0 --report out/cut
tr -d '\n\t ' <out/cut/report.json >flat.json
has flat.json '"sharp_after_frames":\[[0-9n]'

# Files that are none, or not ours. A pipe is not waited for: who does is ended, and has another code.
mkfifo pipe
patient()
{
    timeout 60 "$program" view world.mega --headless --frames 1 --size 64x36 "$@"
}
expect 2 'pipe: is not a regular file' patient --config pipe
expect 1 'pipe: is not a regular file' patient --path pipe
expect 1 'pipe: is not a regular file' patient --trace pipe
expect 1 'full: is not a regular file' patient --trace /dev/full
expect 1 'pipe: is not a regular file' timeout 60 "$program" view pipe --headless
mkdir report-pipe
mkfifo report-pipe/report.json
expect_lost 1 'report.json: is not a regular file' patient --report report-pipe

# What a run is suspended to: only an earlier run's file is replaced, the world itself not. A line says
# so at once, and another at the end.
cp world.mega world.copy
echo 'A letter, a thesis.' >letter
cp letter letter.copy
for file in world.mega letter; do
    expect_lost 2 "$file: .*nothing was suspended" patient --set ram.suspend="$file"
    has stderr "^megabuddy: view: $file: is not what the RAM tier was suspended to; nothing will be"
done
cmp -s world.mega world.copy || fail "the world was replaced"
cmp -s letter letter.copy || fail "a letter was replaced"
expect_lost 2 'pipe: .*nothing was suspended' patient --set ram.suspend=pipe
[ -p pipe ] || fail "the pipe is gone"
expect_lost 2 'absent/x: No such file' patient --set ram.suspend=absent/x
ln -s letter tier.ram.megabuddy-part # nothing is written through what was planted there
expect_lost 2 'tier.ram: its temporary name is taken' patient --set ram.suspend=tier.ram
cmp -s letter letter.copy || fail "written through a link"
rm tier.ram.megabuddy-part
mkdir disk
ln -s disk/tier.ram tier.ram # and a link as the name is followed
expect 0 'holes 0' patient --set ram.suspend=tier.ram
[ -L tier.ram ] && [ -f disk/tier.ram ] || fail "the link was not followed"
expect 0 'holes 0' patient --set ram.suspend=tier.ram
[ -f disk/tier.ram ] || fail "not suspended again"
rm disk/tier.ram

# A disk that is full when all is over.
(
    ulimit -f 8
    expect_lost 1 'tier.ram: File too large; nothing was suspended' patient --set ram.suspend=tier.ram
    expect_lost 1 't.json: File too large' patient --trace t.json
    exit "$failures"
)
failures=$?
[ -z "$(ls disk)" ] && [ ! -e t.json ] || fail "left behind by a full disk: $(ls disk) $(ls t.json)"
if mount -t tmpfs -o size=64k megabuddy-test disk 2>/dev/null; then
    mounted=$scratch/disk
    expect_lost 1 'tier.ram: No space left on device; nothing was suspended' patient \
        --set ram.suspend=tier.ram
    [ -z "$(ls -A disk)" ] || fail "left behind on a full disk: $(ls -A disk)"
    umount disk && mounted=
fi

[ "$failures" -eq 0 ]
