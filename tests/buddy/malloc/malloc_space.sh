#!/bin/sh
# malloc_space.sh SHIM SPACE: what a program on libbuddy-malloc.so takes of addresses and of the
# machine: its heap lies anywhere, locks and leaves in a core what is in use, and is refused what the
# machine does not have.
set -eu
shim=$1 space=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
cd "$work"
failures=0

fail()
{
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# says HOW: SPACE says "ok" of it.
says()
{
    LD_PRELOAD="$shim" timeout 60 "$space" "$1" >out 2>err || true
    case $(cat out) in
    ok) ;;
    skipped) echo "skipped: $1" ;;
    *)
        fail "$1: $(cat out)"
        cat err
        ;;
    esac
}

# 20 bits of places. Of 256 runs in 2^20 places 256 * 255 / 2 / 2^20 = 0.03 pairs meet by chance;
# three or more do so in 5 of 1,000,000 tests. In 2^16 places it would be half a pair, in 16 places
# nearly all of them. Where addresses are not to be by chance (setarch -R) there is nothing to count.
if [ "$(($(printf '%d' "0x$(cat /proc/self/personality)") & 0x40000))" -eq 0 ]; then
    runs=256 i=0
    while [ $i -lt $runs ]; do
        LD_PRELOAD="$shim" "$space" place
        i=$((i + 1))
    done >places
    places=$(sort -u places | wc -l)
    [ "$places" -gt $((runs - 3)) ] || fail "$runs runs put the heap in $places places only"
fi

says locked

# Who has no privilege may lock 64 MiB here, and a small program does so: addresses that are not used
# do not count. Not where such a one cannot come to these files.
nobody=env
[ "$(id -u)" -ne 0 ] || nobody="setpriv --reuid=65534 --clear-groups env"
if $nobody "$space" place >/dev/null 2>&1 && (ulimit -l 65536) 2>/dev/null; then
    (ulimit -l 65536; $nobody LD_PRELOAD="$shim" timeout 60 "$space" locked) >out 2>err || true
    [ "$(cat out)" = ok ] || fail "to lock all memory without privilege: $(cat out err)"
fi

says absurd
(ulimit -v 2000000 && says absurd && [ "$failures" -eq 0 ]) || fail "absurd sizes in 2 GB of addresses"
(ulimit -d 200000 && says absurd && [ "$failures" -eq 0 ]) || fail "absurd sizes in 200 MB of data"

# A core holds what was in use, and is not as large as the addresses.
if [ "$(cat /proc/sys/kernel/core_pattern)" = core ] && ulimit -c unlimited 2>/dev/null; then
    (LD_PRELOAD="$shim" "$space" core) >out 2>err || true
    for core in core*; do
        [ -f "$core" ] || continue
        bytes=$(stat -c %s "$core")
        [ "$bytes" -lt 100000000 ] || fail "a core of $bytes bytes"
    done
    rm -f core*
fi
[ "$failures" -eq 0 ]
