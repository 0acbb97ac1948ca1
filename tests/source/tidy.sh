#!/bin/sh
# tidy.sh ROOT BUILD: clang-tidy with the repository's settings has nothing to say about the sources
# of buddy/, engine/ and tools/, as BUILD compiles them. Exit code 1 when it has, 77 (skipped) without
# clang-tidy 14, since others know other checks.
set -eu
root=$(cd "$1" && pwd)
build=$(cd "$2" && pwd)

# NAME: a program of this name, of version 14.
has_14()
{
    command -v "$1" >/dev/null && "$1" --version 2>/dev/null | grep -q 'version 14\.'
}

for tidy in clang-tidy-14 clang-tidy; do
    if has_14 "$tidy"; then
        break
    fi
    tidy=
done
if [ -z "$tidy" ]; then
    echo "tidy: skipped: no clang-tidy of version 14"
    exit 77
fi

said=$(mktemp)
trap 'rm -f "$said"' EXIT

# Each source once, a few at a time on each processor.
awk -v root="$root/" '
/"file":/ {
    split($0, part, "\"")
    name = substr(part[4], length(root) + 1)
    if (index(part[4], root) == 1 && name ~ /^(buddy|engine|tools)\// && !seen[name]++) { print part[4] }
}' "$build/compile_commands.json" |
    xargs -P "$(nproc 2>/dev/null || echo 2)" -n 8 "$tidy" -p "$build" --quiet \
        --warnings-as-errors='*' >"$said" 2>/dev/null && code=0 || code=1
grep -E ': (warning|error): |^error: ' "$said" | sort -u || true
if [ "$code" -ne 0 ] && ! [ -s "$said" ]; then
    echo "tidy: $tidy could not be run"
fi
exit "$code"
