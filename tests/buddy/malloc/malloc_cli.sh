#!/bin/sh
# malloc_cli.sh SHIM CONTRACT: programs on libbuddy-malloc.so: they print what they print without it,
# and what a program gets wrong ends it with one line. Those that a machine has not are left out.
set -eu
shim=$1 contract=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
cd "$work"
failures=0

fail()
{
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# same NAME COMMAND…: the same output and exit code with the shim as without it.
same()
{
    name=$1
    shift
    command -v "$1" >/dev/null || return 0
    want=0 got=0
    "$@" >want 2>want.err </dev/null || want=$?
    timeout 500 env LD_PRELOAD="$shim" "$@" >got 2>got.err </dev/null || got=$?
    if [ "$want" -ne "$got" ] || ! cmp -s want got || ! cmp -s want.err got.err; then
        fail "$name: exit code $got, not $want"
        diff want.err got.err | head -5
    fi
}

# ends HOW WHAT TEXT: the contract's HOW is ended by abort, in one line that says WHAT (free, or
# realloc) and TEXT.
ends()
{
    code=0
    # shellcheck disable=SC2086
    { (ulimit -c 0; LD_PRELOAD="$shim" "$contract" $1 >out 2>err); } 2>shell || code=$?
    if [ "$code" -ne 134 ] || [ "$(grep -c '^buddy-malloc: ' err)" -ne 1 ] ||
        ! grep -q "^buddy-malloc: $2 of 0x[0-9a-f]*: .*$3" err; then
        fail "$1: exit code $code"
        cat err
    fi
}

code=0
timeout 500 env LD_PRELOAD="$shim" "$contract" >out 2>err || code=$?
if [ "$code" -ne 0 ] || [ "$(cat out)" != ok ]; then
    fail "the contract: exit code $code"
    cat err
fi
ends double free "free already"
ends foreign free "does not belong"
ends interior free "inside a live block"
ends realloc realloc "inside a live block"
for size in 10 100 1000 30000 100000 1000000; do
    ends "realloc-freed $size" realloc "free already"
done
ends "realloc-freed 5000000" realloc "does not belong"
ends corrupt free "free already"
[ "$(cat out)" = handled ] || fail "a handler of SIGABRT that allocates"
for track in "" log=cancelled.log; do
    if [ "$(env ${track:+BUDDY_TRACK=$track} LD_PRELOAD="$shim" timeout 60 "$contract" cancelled 2>err)" != ok ]; then
        fail "a thread that is to be cancelled, BUDDY_TRACK=$track"
        cat err
    fi
done

seq 1 50000 >numbers
awk 'BEGIN { for (i = 0; i < 50000; i++) { print (i * 7919) % 50021, i } }' >mixed
cat >threads.py <<'PY'
import threading, hashlib
found = [0] * 4
def work(k):
    d = {i: [str(i) * 3] * 2 for i in range(10000)}
    for i in range(0, 10000, 3):
        del d[i]
    found[k] = hashlib.md5(repr(sorted(d.items())).encode()).hexdigest()
threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
for t in threads: t.start()
for t in threads: t.join()
print(found)
PY
cat >forks.py <<'PY'
import os, threading
stop = False
def work():
    while not stop:
        list(map(str, range(1000)))
threads = [threading.Thread(target=work) for _ in range(3)]
for t in threads: t.start()
for i in range(20):
    pid = os.fork()
    if pid == 0:
        x = [str(i) * 10 for i in range(1000)]
        os._exit(len(x) % 7)
    print(os.waitpid(pid, 0)[1])
stop = True
for t in threads: t.join()
PY
cat >small.cc <<'CC'
#include <map>
#include <string>
int main() { std::map<std::string, int> m; m["a"] = 1; return m["a"]; }
CC

same sh sh -c 'i=0; while [ $i -lt 500 ]; do i=$((i + 1)); x="$x$i"; done; echo $x'
same sort sort -R --random-source=numbers numbers
same "sort with threads" sort --parallel=2 -S 8M -n mixed
same awk awk '{ a[$1] = a[$1] " " $2 } END { n = 0; for (k in a) { n += length(a[k]) }; print n }' mixed
same sed sed -n 's/\([0-9]*\)5/<\1>/p' mixed
same grep grep -c -E '(1|2)+3' mixed
same perl perl -e 'my %h; $h{$_} = "x" x ($_ % 300) for 1 .. 50000; print scalar(keys %h), "\n"'
same python3 env PYTHONMALLOC=malloc python3 threads.py
same "python3 that forks" env PYTHONMALLOC=malloc python3 forks.py
same git git --no-pager diff --no-index --stat numbers mixed
same g++ g++ -O1 -S -o - small.cc
same tar tar cf - numbers mixed
same xz xz -T2 -2 -c mixed

# No memory on demand, and who asked for what.
if [ "$(BUDDY_FAULT=every=2,size=1M- LD_PRELOAD="$shim" "$contract" refused 2>err)" != ok ]; then
    fail "requests that are to fail"
    cat err
fi
code=0
BUDDY_FAULT=nonsense LD_PRELOAD="$shim" "$contract" refused >out 2>err || code=$?
if [ $code -ne 2 ] || [ "$(wc -l <err)" -ne 1 ]; then
    fail "a plan that is none: exit code $code"
fi
sort -n mixed >want
BUDDY_TRACK=log=work.log,report=report.txt LD_PRELOAD="$shim" sort -n --parallel=2 mixed >got ||
    fail "sort while it is watched"
cmp -s want got || fail "sort while it is watched: another order"
if [ ! -s work.log ] || ! grep -q '^calls .* allocs' report.txt; then
    fail "no log or no report"
fi

# Where addresses are scarce: less is reserved, and a no is a no.
if ! (ulimit -v 300000; LD_PRELOAD="$shim" sort -n mixed >limited) || ! sort -n mixed | cmp -s - limited; then
    fail "sort in 300 MB of addresses"
fi
if [ "$(ulimit -v 300000; LD_PRELOAD="$shim" "$contract" exhaust 2>err)" != ok ]; then
    fail "all there is in 300 MB of addresses"
    cat err
fi
[ "$failures" -eq 0 ]
