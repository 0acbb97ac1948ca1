#!/bin/sh
# bench_stream_cli.sh MEGABUDDY: bench stream from the command line: a tiny run gives a table, a CSV
# and a page; what is wrong is said in one line, with the right exit code. Exit code 1 when something
# fails, 77 where there is nothing to draw with.
set -u
program=$1
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/megabuddy-stream-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
. "$here/../cli.sh"

expect 0 '' "$program" bench stream --help
expect 2 'no such case' "$program" bench stream --case nothing
expect 2 'must be a number' "$program" bench stream --rounds none
expect 2 'WIDTHxHEIGHT' "$program" bench stream --size large
expect 2 'one world' "$program" bench stream a.mega b.mega
"$program" bake --synthetic --width 512 -o small.mega -q || fail "no world"
expect 1 'no/such' "$program" bench stream small.mega --csv no/such/folder.csv

if ! "$program" bench stream small.mega --rounds 1 --frames 6 --size 64x48 --case still --case flight \
    --case teleport-cold --case pool-50 --report page >stdout 2>stderr; then
    grep -q 'EGL' stderr || fail "bench stream: $(cat stderr)"
    [ "$failures" -eq 0 ] && exit 77
    exit 1
fi
[ "$(head -n 1 page/stream.csv)" = \
    bench,case,subject,threads,metric,unit,median,min,max,rounds ] || fail "another head"
awk -F, 'NF != 10 { exit 1 }' page/stream.csv || fail "a CSV that is not whole"
for row in flight,megabuddy flight,plain teleport-cold,megabuddy pool-50,megabuddy; do
    grep -q "^stream,$row," page/stream.csv || fail "no figure of $row"
done
awk -F, '($5 == "holes" || $5 == "wrong_pages") && $7 != 0 { exit 1 }' page/stream.csv ||
    fail "holes or wrong pages"
like=$(sed -n 's/^stream,still,megabuddy,[0-9]*,like_plain_db,dB,\([0-9]*\).*/\1/p' page/stream.csv)
[ "${like:-0}" -ge 40 ] || fail "the plain texture shows another picture: ${like:-no} dB"
grep -q '<path class="line" d="M' page/report.html || fail "a page without a plot"
[ -s page/pool-50.png ] || fail "a page without its picture"
expect 1 'absent.mega' "$program" bench stream absent.mega

[ "$failures" -eq 0 ]
