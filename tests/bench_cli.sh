#!/bin/sh
# bench_cli.sh MEGABUDDY: bench from the command line: a small run gives a table, a CSV and a page;
# what is wrong is said in one line, with the right exit code, and leaves nothing behind; Ctrl-C ends
# it early. Prints each case that fails; exit code 1 when one did.
set -u
program=$1
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/megabuddy-bench-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
. "$here/cli.sh"

small="--cases churn,full --subjects megabuddy,levels-mutex,limit-empty --threads 1,2 --rounds 2"
small="$small --arena 4MiB --quick"

# What works.
expect 0 '' "$program" bench --help
expect 0 '' "$program" bench alloc --help
# The options are words on purpose, here and below.
# shellcheck disable=SC2086
expect 0 '' "$program" bench alloc $small --csv figures.csv --report page
head -n 1 figures.csv | grep -qx 'bench,case,subject,threads,metric,unit,median,min,max,rounds' ||
    fail "the CSV's first line: $(head -n 1 figures.csv)"
for row in alloc,churn,megabuddy,1,ns_per_op alloc,churn,levels-mutex,2,ns_per_op \
    alloc,churn,limit-empty,1,ns_per_op alloc,full,megabuddy,2,ns_per_op_95; do
    grep -q "^$row," figures.csv || fail "no row $row in the CSV"
done
awk -F, 'NR > 1 && ($7 < $8 || $7 > $9 || $10 != 2) { exit 1 }' figures.csv ||
    fail "a median that is not between the least and the most, or not of two rounds"
cmp -s figures.csv page/alloc.csv || fail "the page's CSV is another one"
grep -q '</html>' page/index.html || fail "the page is not whole"
if [ "$(find . -name '*.part*' | wc -l)" -ne 0 ]; then
    fail "something was left behind"
fi

# Lists and trees that lie near, or anywhere.
expect 0 '' "$program" bench locality --help
expect 0 '' "$program" bench locality --quick --cases list-16k,tree-16k --rounds 1 --csv near.csv \
    --report near
for row in list-16k,pool-near,1,walk_ns_per_node list-16k,malloc,1,same_page_percent \
    tree-16k,heap-near,1,churn_ns_per_pair; do
    grep -q "^locality,$row," near.csv || fail "no row $row in the CSV"
done
awk -F, '$2 == "list-16k" && $5 == "same_page_percent" { share[$3] = $7 }
    END { exit !(share["pool-near"] > 2 * share["pool"] && share["heap-near"] > 2 * share["heap"]) }' \
    near.csv || fail "hints do not bring neighbours together"
cmp -s near.csv near/locality.csv || fail "the folder's CSV is another one"

# What does not.
expect 2 'list-17k' "$program" bench locality --cases list-16k,list-17k
expect 2 '0' "$program" bench locality --rounds 0
expect 2 'no-such-option' "$program" bench locality --no-such-option
expect 1 'no/such' "$program" bench locality --csv no/such/folder.csv
expect 2 'which one' "$program" bench
expect 2 'no such benchmark' "$program" bench nothing
expect 2 'no-such-option' "$program" bench alloc --no-such-option
expect 2 'nobody' "$program" bench alloc --subjects nobody
expect 2 'nothing' "$program" bench alloc --cases nothing
expect 2 '0' "$program" bench alloc --threads 0
expect 2 'many' "$program" bench alloc --rounds many
expect 2 'surplus' "$program" bench alloc surplus
# shellcheck disable=SC2086
expect 1 'no/such' "$program" bench alloc $small --csv no/such/folder.csv

# Ctrl-C: a whole CSV of what there is, and no part of one.
"$program" bench alloc --cases churn,ring --subjects limit-empty --threads 1 --rounds 99 \
    --csv early.csv >stdout 2>stderr &
run=$!
sleep 0.5
kill -INT "$run"
wait "$run"
code=$?
[ "$code" -eq 1 ] || fail "exit code $code after an interrupt"
grep -q '^megabuddy: bench alloc: ended early: .* of 198 trials' stderr || fail "does not say so"
[ "$(wc -l <stderr)" -eq 1 ] || fail "says more than that"
awk -F, 'NF != 10 { exit 1 }' early.csv || fail "a CSV that is not whole"
[ ! -e early.csv.part ] || fail "something was left behind"

exit $((failures > 0))
