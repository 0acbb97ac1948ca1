#!/bin/sh
# malloc_reentry_cli.sh SHIM PROGRAM WRAPPERS: libbuddy-malloc.so beside libraries that allocate in
# what it calls, and under signal handlers that fork: see malloc_reentry.c. Programs that preload such
# libraries are tried too where the machine has them.
set -eu
shim=$1 program=$2 wrappers=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
cd "$work"
failures=0

# says_ok NAME COMMAND…: it ends, says "ok", and nothing else.
says_ok()
{
    name=$1 code=0
    shift
    timeout 60 env "$@" >out 2>err </dev/null || code=$?
    if [ "$code" -ne 0 ] || [ "$(cat out)" != ok ] || [ -s err ]; then
        echo "FAILED: $name: exit code $code"
        head -5 err
        failures=$((failures + 1))
    fi
}

# Linked, so behind the shim; before it; and the shim before all.
for order in "$shim" "$wrappers $shim" "$shim $wrappers"; do
    says_ok "wrapped, $order" LD_PRELOAD="$order" "$program" wrapped
    says_ok "a shell, $order" LD_PRELOAD="$order" sh -c 'x=$(ls -l / | sort | wc -l); [ "$x" -gt 1 ] && echo ok'
done
for way in fork threads signals; do
    says_ok "$way" LD_PRELOAD="$shim" "$program" "$way"
done
for way in wrapped signals; do
    says_ok "$way, watched" BUDDY_TRACK=log=%p.log,frames=4,report=report.txt LD_PRELOAD="$shim" "$program" "$way"
done

for library in faketime/libfaketime.so.1 torsocks/libtorsocks.so; do
    for path in /usr/lib/*/$library; do
        [ -e "$path" ] || continue
        for order in "$path $shim" "$shim $path"; do
            says_ok "$order" FAKETIME="2020-01-01 00:00:00" LD_PRELOAD="$order" sh -c '[ -n "$(date +%Y)" ] && echo ok'
        done
    done
done
[ "$failures" -eq 0 ]
