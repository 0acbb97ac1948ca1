#!/bin/sh
# bake_cli.sh MEGABUDDY: bake, info and verify from the command line, above all what they say about bad
# input: the right exit code, one clear line on stderr, nothing left behind. Prints each case that
# fails; exit code 1 when one did.
set -u
program=$1
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/megabuddy-cli-XXXXXX")
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
. "$here/../cli.sh"

expect_empty()
{
    if [ -n "$(ls -A "$1")" ]; then
        fail "left behind in $1: $(ls -A "$1")"
    fi
}

# WORLD TEXT: what info says of it.
says()
{
    expect 0 '' "$program" info "$1"
    grep -q -- "$2" stdout || fail "info $1 does not say '$2'"
}

# A grey PPM picture of $1 x $2 texels.
picture()
{
    printf 'P6\n%d %d\n255\n' "$1" "$2"
    head -c $(($1 * $2 * 3)) /dev/zero | tr '\000' '\144'
}

# FILE WIDTH HEIGHT CHANNELS BITS [ORIENTATION]: a PNG of a ramp; with 2 or 4 channels the left half is
# transparent.
png()
{
    python3 - "$@" <<'PYTHON'
import struct, sys, zlib
path, width, height, channels, bits = sys.argv[1], *map(int, sys.argv[2:6])
orientation = int(sys.argv[6]) if len(sys.argv) > 6 else 1
def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
def texel(x, y):
    full = (1 << bits) - 1
    grey = [x * full // width, y * full // height, full // 2][:channels - (channels + 1) % 2]
    alpha = [0 if x < width // 2 else full] if channels % 2 == 0 else []
    return b''.join(v.to_bytes(bits // 8, 'big') for v in grey + alpha)
rows = b''.join(b'\0' + b''.join(texel(x, y) for x in range(width)) for y in range(height))
kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
with open(path, 'wb') as f:
    f.write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, bits, kind, 0, 0, 0)) +
            chunk(b'eXIf', b'II*\0' + struct.pack('<IHHHIHHI', 8, 1, 0x112, 3, 1, orientation, 0, 0)) +
            chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))
PYTHON
}

picture 300 200 >good.ppm
mkdir out

# What works.
for subcommand in bake info verify; do
    expect 0 '' "$program" $subcommand --help
done
expect 0 '' "$program" bake good.ppm -o good.mega
expect 0 '' "$program" bake good.ppm -o eight.mega --border 8 --format rgba8 --no-lz4 --wrap -q
expect 0 '' "$program" info good.mega
expect 0 '' "$program" verify good.mega
expect 0 '' "$program" info good.mega --page 0,1,1 -o page.png
expect 0 '' "$program" info eight.mega --mip 1 -o mip.png
picture 1 1 >one.ppm
expect 0 '' "$program" bake one.ppm -o one.mega
for threads in 1 3; do
    expect 0 '' "$program" bake --synthetic --width 512 --threads $threads -q -o threads$threads.mega
done
expect 0 '' cmp threads1.mega threads3.mega
expect 0 '' "$program" verify threads1.mega

for format in rgba8+zstd:19 bc1+lz4hc bc1+none bc3 bc4+zstd bc5+lz4hc:12 jpeg jpeg:70; do
    expect 0 '' "$program" bake --synthetic --width 256 --format $format -q -o out/w.mega
    expect 0 '' "$program" verify out/w.mega
    expect 0 '' "$program" info out/w.mega --page 1,0,0 -o page.png
done
expect 0 '' "$program" bake --synthetic --width 512 --normals -q -o out/w.mega
says out/w.mega 'layer 1  normal, bc5, linear'
rm out/w.mega

# What is read.
png alpha.png 300 200 4 8
expect 0 '' "$program" bake alpha.png -q -o alpha.mega
says alpha.mega 'albedo, bc3'
png heights.png 64 32 1 16
expect 0 '' "$program" bake good.ppm --heights heights.png --height-range 0,4000 --normals -q -o t.mega
says t.mega 'terrain'
says t.mega 'heights  64 x 32, from 0 to 39'
png turned.png 300 200 3 8 6
expect 0 '' "$program" bake turned.png -o turned.mega
grep -q '^turned.png: turned as its orientation says$' stdout || fail 'nothing says that it was turned'
says turned.mega '200 x 300 texels'
expect 0 '' "$program" bake turned.png -q -o turned.mega
[ ! -s stdout ] || fail 'a quiet bake says something'
mkdir tiles
for tile in 0_0 1_0 2_0 0_1 1_1 2_1; do
    png tiles/tile_$tile.png 64 64 3 8
done
expect 0 '' "$program" bake tiles -q -o mosaic.mega
says mosaic.mega '192 x 128 texels'
expect 0 '' "$program" bake 'tiles/tile_{x}_{y}.png' -q -o same.mega
expect 0 '' cmp mosaic.mega same.mega

# The table of codecs: a row each, lossless ones exact.
expect 0 '' "$program" info threads1.mega --codecs --pages 8
for row in 'rgba8  none .* 64 KiB .*exact' 'bc1    none .* 8 KiB ' 'bc3    none .* 16 KiB ' 'bc5    none' \
    'bc4    none' 'zstd:19' 'lz4hc:9' 'jpeg:75' 'jpeg:90'; do
    grep -q -- "$row" stdout || fail "info --codecs has no row '$row'"
done
expect 2 'do not go together' "$program" info good.mega --codecs --mip 1 -o mip.png
expect 2 'goes with --codecs' "$program" info good.mega --pages 9
expect 1 'has no layer 3' "$program" info good.mega --codecs --layer 3

# Wrong usage.
expect 2 'no picture' "$program" bake -o out/w.mega
expect 2 'no page file' "$program" bake good.ppm
expect 2 'more than one' "$program" bake good.ppm one.ppm -o out/w.mega
expect 2 'must be 4 or 8' "$program" bake good.ppm -o out/w.mega --border 5
for format in bc7 bc1+gzip bc1+zstd:20 jpeg:0 jpeg+lz4 '' bc1+; do
    expect 2 'must be rgba8, bc1' "$program" bake good.ppm -o out/w.mega --format "$format"
done
expect 2 'must be bc5' "$program" bake --synthetic -o out/w.mega --normals=bc1
expect 2 'needs --heights' "$program" bake good.ppm -o out/w.mega --normals
expect 2 'LOW,HIGH' "$program" bake good.ppm -o out/w.mega --height-range 5
expect 2 'LOW,HIGH' "$program" bake good.ppm -o out/w.mega --height-range 9,1
expect 2 'seconds' "$program" bake good.ppm -o out/w.mega --checkpoint soon
expect 2 'from 1 to 256' "$program" bake good.ppm -o out/w.mega --threads 0
expect 2 'from 1 to 256' "$program" bake good.ppm -o out/w.mega --threads -1
expect 2 'multiple of 64' "$program" bake --synthetic -o out/w.mega --width 1000
expect 2 'no such option' "$program" bake good.ppm -o out/w.mega --bogus
expect 2 'needs a value' "$program" bake good.ppm -o
expect 2 'does not go' "$program" bake --earth --synthetic -o out/w.mega
expect 2 'goes with --earth' "$program" bake good.ppm --colour good.ppm -o out/w.mega
expect 2 'does not go' "$program" bake --synthetic --heights good.ppm -o out/w.mega
expect 2 'is the input' "$program" bake good.ppm -o ./good.ppm
expect 2 'one page file' "$program" info
expect 2 'MIP,X,Y' "$program" info good.mega --page 0,1 -o page.png
expect 2 'goes with' "$program" info good.mega --page 0,1,1
expect 2 'one page file' "$program" verify

# Bad pictures.
: >empty.png
echo 'this is no picture, whatever its name says; it is long enough for every test of its format, and goes on and on' >text.jpg
cat text.jpg text.jpg text.jpg >text.png
head -c 90000 good.ppm >short.ppm
mkfifo pipe.png
expect 1 'No such file' "$program" bake absent.png -o out/w.mega
expect 1 'is empty' "$program" bake empty.png -o out/w.mega
mkdir folder
expect 1 'without a tile' "$program" bake folder -o out/w.mega
expect 1 'not a regular file' "$program" bake pipe.png -o out/w.mega
expect 1 'text.jpg' "$program" bake text.jpg -o out/w.mega
expect 1 'text.png' "$program" bake text.png -o out/w.mega
expect 1 'truncated' "$program" bake short.ppm -o out/w.mega
printf 'P6\n99999999 99999999\n255\n' >huge.ppm
expect 1 'huge.ppm' "$program" bake huge.ppm -o out/w.mega
printf 'P6\n16000000 16000000\n255\nabc' >large.ppm
expect 1 'large.ppm' "$program" bake large.ppm -o out/w.mega
picture 300000 1 >wide.ppm
expect 1 'larger than a page file' "$program" bake wide.ppm -o out/w.mega
expect 1 'No such file' "$program" bake --earth --colour good.ppm --heights absent.cdf -o out/w.mega
expect 1 'netCDF' "$program" bake --earth --colour good.ppm --heights text.jpg -o out/w.mega
expect 1 'is empty' "$program" bake --earth --colour good.ppm --heights empty.png -o out/w.mega
expect_empty out

# Bad mosaics: a hole, a tile of another size, one that is no picture, one cut short.
mv tiles/tile_1_1.png aside.png
expect 1 'tile_1_1.png' "$program" bake tiles -o out/w.mega
png tiles/tile_1_1.png 64 63 3 8
expect 1 'tile_1_1.png' "$program" bake tiles -o out/w.mega
echo nothing >tiles/tile_1_1.png
expect 1 'tile_1_1.png' "$program" bake tiles -o out/w.mega
head -c 100 aside.png >tiles/tile_1_1.png
expect 1 'tile_1_1.png' "$program" bake tiles -o out/w.mega
expect_empty out

# A picture whose header promises 4 gigatexels, and then nothing; heights that are none.
python3 - <<'PYTHON'
import struct, zlib
head = b'IHDR' + struct.pack('>IIBBBBB', 65535, 65535, 8, 6, 0, 0, 0)
with open('bomb.png', 'wb') as f:
    f.write(b'\x89PNG\r\n\x1a\n' + struct.pack('>I', 13) + head + struct.pack('>I', zlib.crc32(head)))
PYTHON
expect 1 'bomb.png' "$program" bake bomb.png -o out/w.mega
expect 1 'bomb.png' "$program" bake good.ppm --heights bomb.png -o out/w.mega
expect_empty out

# Bad places for the result.
expect 1 'No such file' "$program" bake good.ppm -o absent/w.mega
expect 1 'not a regular file' "$program" bake good.ppm -o out
expect 1 'not a regular file' "$program" bake good.ppm -o /dev/full
expect 1 'Not a directory' "$program" bake good.ppm -o good.mega/w.mega
expect 1 'No such file' "$program" info good.mega --page 0,0,0 -o absent/page.png
expect 1 'has no column 99' "$program" info good.mega --page 0,99,0 -o page.png

# A disk that fills up: a limit on the file's size stands in for it where nothing can be mounted.
cp good.mega out/w.mega
(
    ulimit -f 64
    expect 1 'File too large' "$program" bake --synthetic --width 1024 -o out/w.mega
    exit "$failures"
)
failures=$?
expect 0 '' cmp good.mega out/w.mega
rm out/w.mega
expect_empty out
if mount -t tmpfs -o size=512k megabuddy-test out 2>/dev/null; then
    mounted=$scratch/out
    expect 1 'No space left' "$program" bake --synthetic --width 2048 -o out/w.mega
    expect_empty out
    umount out && mounted=
fi

# A folder of unfinished work that is not only ours, and pipes and links in one that is.
ln -s ../folder out/w.mega.part
expect 1 'w.mega: has a folder .part that is a link' "$program" bake good.ppm -o out/w.mega
rm out/w.mega.part
mkdir out/w.mega.part
chmod 777 out/w.mega.part
expect 1 'or open to others' "$program" bake good.ppm -o out/w.mega
chmod 755 out/w.mega.part
mkfifo out/w.mega.part/state
ln -s "$scratch/good.ppm" out/w.mega.part/mip00
cp good.ppm good.copy
expect 0 '' timeout 60 "$program" bake good.ppm -q -o out/w.mega
expect 0 '' cmp good.ppm good.copy
rm -f out/w.mega
expect_empty out

# A link as the output: followed, whether there is something at its end or not.
mkdir disk
ln -s disk/w.mega out/../link.mega
for run in 1 2; do
    expect 0 '' "$program" bake good.ppm -q -o link.mega
    if [ ! -L link.mega ] || [ ! -f disk/w.mega ] || [ -L disk/w.mega ]; then
        fail "the link was not followed in run $run"
    fi
done
ln -s disk/page.png page-link.png
expect 0 '' "$program" info link.mega --page 0,0,0 -o page-link.png
[ -L page-link.png ] && [ -f disk/page.png ] || fail "the picture's link was not followed"
mkfifo pipe-out.png
expect 1 'not a regular file' timeout 60 "$program" info good.mega --page 0,0,0 -o pipe-out.png
rm -r disk link.mega page-link.png

# Two bakes to one name. On a slow machine the first may be stopped late: it makes no checkpoint by then,
# which would stay.
"$program" bake --synthetic --width 16384 --checkpoint 3600 -q -o out/w.mega 2>/dev/null &
child=$!
is_being_written() # its files come after its lock
{
    [ -n "$(ls -A out/w.mega.part 2>/dev/null)" ]
}
await is_being_written || fail "writes nothing"
expect 1 'is being written' "$program" bake good.ppm -o out/w.mega
kill -INT $child
wait $child 2>/dev/null
expect_empty out

# Interruption. Before the first checkpoint Ctrl-C leaves nothing; after it, or after a kill, gentle or
# not, there is what the same command goes on from, and then the file is the same. The work is long
# enough to be hit.
expect 0 '' "$program" bake --synthetic --width 4096 -q -o whole.mega
is_under_way() # or was, and is done
{
    [ -f out/w.mega.part/state ] || [ -f out/w.mega ]
}
bake_and_signal()
{
    rm -f out/w.mega
    "$program" bake --synthetic --width 4096 --checkpoint 0 -q -o out/w.mega 2>stderr &
    child=$!
    await is_under_way || fail "no checkpoint"
    kill -"$1" $child 2>/dev/null
    wait $child 2>/dev/null
}
for signal in INT TERM KILL; do
    bake_and_signal $signal
    for again in 1 2 3 4 5 6 7 8 9; do # where this shell was kept from its turn for too long
        [ ! -f out/w.mega ] || bake_and_signal $signal
    done
    if [ -f out/w.mega ]; then
        fail "SIG$signal came too late"
    elif [ "$(ls out)" != w.mega.part ]; then
        fail "SIG$signal left: $(ls out)"
    fi
    expect 0 '' "$program" bake --synthetic --width 4096 -q -o out/w.mega
    expect 0 '' cmp out/w.mega whole.mega
    rm -f out/w.mega
    expect_empty out
done
"$program" bake --synthetic --width 16384 --checkpoint 3600 -q -o out/w.mega 2>stderr &
child=$!
await is_being_written || fail "writes nothing"
kill -INT $child
wait $child 2>/dev/null
got=$?
if [ $got -ne 1 ] || ! grep -q 'interrupted' stderr; then
    fail "SIGINT: exit code $got, and: $(cat stderr)"
fi
expect_empty out

# Bad page files.
size=$(wc -c <good.mega)
: >empty.mega
head -c $((size - 1)) good.mega >short.mega
head -c 100 good.mega >scrap.mega
{ head -c $((size - 2)) good.mega; printf 'xy'; } >page.mega
{ head -c 300 good.mega; printf 'xy'; tail -c +303 good.mega; } >index.mega
{ head -c 20 good.mega; printf 'xy'; tail -c +23 good.mega; } >header.mega
for subcommand in info verify; do
    expect 1 'No such file' "$program" $subcommand absent.mega
    expect 1 'too short' "$program" $subcommand empty.mega
    expect 1 'too short' "$program" $subcommand scrap.mega
    expect 1 'is truncated' "$program" $subcommand short.mega
    expect 1 'damaged header' "$program" $subcommand header.mega
    expect 1 'damaged index' "$program" $subcommand index.mega
    expect 1 'not a page file' "$program" $subcommand good.ppm
    expect 1 'not a regular file' "$program" $subcommand out
done
"$program" verify page.mega >stdout 2>stderr
if [ $? -ne 1 ] || ! grep -q 'page 0,2,1 layer 0: .*checksum' stderr; then
    fail "verify does not name the bad page"
fi

# Heights that were changed where they still unpack: in the first row, which is as it is.
cp t.mega heights.mega
at=$(od -An -tu8 -j88 -N8 t.mega)
printf '\177\177' | dd of=heights.mega bs=1 seek=$((at + 20)) conv=notrunc 2>/dev/null
expect 1 'heights: .*checksum' "$program" verify heights.mega

# Several bad pages in one cluster, beside good ones: each is named, and no other.
"$program" bake --synthetic --width 2048 --no-lz4 -q -o several.mega
size=$(wc -c <several.mega)
for back in 100 20000 300000; do
    printf 'spoilt' | dd of=several.mega bs=1 seek=$((size - back)) conv=notrunc 2>/dev/null
done
"$program" verify several.mega >stdout 2>stderr
if [ $? -ne 1 ] || [ "$(grep -c 'layer 0: .*checksum' stderr)" -ne 3 ] ||
    ! grep -q '3 of [0-9]* pages are bad' stderr; then
    fail "verify does not name the three bad pages"
fi

if [ "$failures" -gt 0 ]; then
    echo "$failures cases failed"
    exit 1
fi
echo "all cases as they should be"
