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
. "$here/../cli.sh"

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
if [ "$(find . -name '*-part' | wc -l)" -ne 0 ]; then
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
expect 0 '' "$program" bench programs --help
expect 2 'nothing: no such program' "$program" bench programs --case nothing
expect 2 'from 1 to 100' "$program" bench programs --rounds 0
expect 2 'surplus: nothing is expected' "$program" bench programs surplus
expect 1 'no/such' "$program" bench programs --csv no/such/folder.csv
# shellcheck disable=SC2086
expect 1 'no/such' "$program" bench alloc $small --csv no/such/folder.csv

# Ctrl-C: a whole CSV of what there is, and no part of one.
"$program" bench alloc --cases churn,ring --subjects limit-empty --threads 1 --rounds 99 \
    --csv early.csv >stdout 2>stderr &
run=$!
has_child()
{
    grep -qs "^PPid:[[:space:]]*$1\$" /proc/[0-9]*/status
}
await has_child "$run" || fail "no trial begins"
kill -INT "$run"
wait "$run"
code=$?
[ "$code" -eq 1 ] || fail "exit code $code after an interrupt"
grep -q '^megabuddy: bench alloc: ended early: .* of 198 trials' stderr || fail "does not say so"
[ "$(wc -l <stderr)" -eq 1 ] || fail "says more than that"
awk -F, 'NF != 10 { exit 1 }' early.csv || fail "a CSV that is not whole"
[ ! -e early.csv.megabuddy-part ] || fail "something was left behind"

# A pipe and links in the way of a CSV: not waited for, not written through, followed as the name.
mkfifo pipe.csv
# shellcheck disable=SC2086
expect 1 'pipe.csv: is not a regular file' timeout 60 "$program" bench alloc $small --csv pipe.csv
expect 1 'pipe.csv: is not a regular file' timeout 60 "$program" bench all --csv pipe.csv
if "$program" bench bake --help >help 2>&1; then # not in a build of the allocator alone
    expect 1 'pipe.csv: is not a regular file' timeout 60 "$program" bench bake --csv pipe.csv
fi
expect 1 'pipe.csv: is not a regular file' timeout 60 "$program" bench replay pipe.csv
mkdir pipe-page
mkfifo pipe-page/index.html
# shellcheck disable=SC2086
expect 1 'index.html: is not a regular file' timeout 60 "$program" bench alloc $small --report pipe-page
echo precious >victim
ln -s victim planted.csv.megabuddy-part
# shellcheck disable=SC2086
expect 1 'planted.csv: its temporary name is taken' "$program" bench alloc $small --csv planted.csv
[ "$(cat victim)" = precious ] || fail "written through a link"
mkdir elsewhere
ln -s elsewhere/link.csv link.csv
# shellcheck disable=SC2086
expect 0 '' "$program" bench alloc $small --csv link.csv
[ -L link.csv ] && [ -f elsewhere/link.csv ] || fail "the link was not followed"

# A log played back.
"$program" test alloc --threads 2 --seconds 0.1 --arena 4MiB --seed 7 --track some.log >stdout 2>stderr ||
    fail "no log was made"
expect 0 '' "$program" bench replay --help
expect 0 '' "$program" bench replay some.log --rounds 2 --allocator megabuddy,glibc --csv replay.csv
head -n 1 replay.csv | grep -qx 'bench,case,subject,threads,metric,unit,median,min,max,rounds' ||
    fail "the first line of replay's CSV: $(head -n 1 replay.csv)"
for row in replay,some.log,megabuddy,2,ns_per_op replay,some.log,glibc,2,ns_per_op \
    replay,some.log,glibc,2,peak_live; do
    grep -q "^$row," replay.csv || fail "no row $row in replay's CSV"
done
[ "$(grep -c ',refused,count,0,0,0,2$' replay.csv)" -eq 2 ] || fail "something was refused in a replay"
expect 0 '' "$program" bench replay --threads 1 some.log --rounds 1 --allocator levels-mutex
expect 2 'which log' "$program" bench replay
expect 2 'nobody' "$program" bench replay --allocator nobody some.log
expect 2 'limit-empty' "$program" bench replay --allocator limit-empty some.log
expect 2 'log or 1' "$program" bench replay --threads 7 some.log
expect 2 'lockfree' "$program" test alloc --sync mutex --track x.log
expect 1 'no/such' "$program" test alloc --track no/such/folder.log

# hostile FILE BYTES: a log with these bytes, as printf has them, behind its name and version.
hostile()
{
    # shellcheck disable=SC2059
    printf "buddylog\\001$2" >"$1"
}
hostile empty.log '\003\000'
hostile never.log '\005\001\000\003\001'
hostile twice.log '\004\001\010\000\004\001\010\000\003\002'
hostile freed.log '\004\001\010\000\005\001\000\006\001\010\000\003\003'
hostile size.log '\004\001\377\377\377\377\377\377\377\377\377\001\000\003\001'
hostile large.log '\004\001\377\377\377\377\377\037\000\003\001'
hostile number.log '\004\377\377\377\377\017\010\000\003\001'
hostile bits.log '\004\001\377\377\377\377\377\377\377\377\377\377\000\003\001'
hostile count.log '\004\001\010\000\003\002'
hostile thread.log '\000\001\010\000\003\001'
head -c 1000 some.log >cut.log
: >nothing.log
expect 1 'no records' "$program" bench replay empty.log
expect 1 'record 1 .*not live' "$program" bench replay never.log
expect 1 'record 2 .*live already' "$program" bench replay twice.log
expect 1 'record 3 .*not live' "$program" bench replay freed.log
expect 1 'record 1 .*too large' "$program" bench replay size.log
expect 1 "machine's memory" "$program" bench replay large.log
expect 0 '' "$program" bench replay number.log --rounds 1 --allocator glibc
expect 1 '64 bits' "$program" bench replay bits.log
expect 1 'end that does not fit' "$program" bench replay count.log
expect 1 'cannot be' "$program" bench replay thread.log
expect 1 'records: the log is cut off' "$program" bench replay cut.log
expect 1 'not a log' "$program" bench replay nothing.log
expect 1 'not a log' "$program" bench replay figures.csv
expect 1 'is a directory' "$program" bench replay .
expect 1 'No such file' "$program" bench replay no-such.log

exit $((failures > 0))
