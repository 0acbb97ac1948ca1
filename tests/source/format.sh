#!/bin/sh
# format.sh [ROOT]: every source of ours is as clang-format 14 would write it. Exit code 1 when one is
# not, 77 (skipped) without that version, since others disagree about details.
set -eu
root=${1:-$(dirname "$0")/../..}
cd "$root"

formatter=
for name in clang-format-14 clang-format; do
    if command -v "$name" >/dev/null && "$name" --version | grep -q 'version 14\.'; then
        formatter=$name
        break
    fi
done
if [ -z "$formatter" ]; then
    echo "format: skipped: no clang-format of version 14"
    exit 77
fi

# What git tracks; all there is where this is no git checkout.
sources()
{
    if ! { [ -e .git ] && git ls-files '*.c' '*.h' '*.cpp' '*.hpp' 2>/dev/null; }; then
        find buddy engine shaders tools tests -name '*.[ch]' -o -name '*.[ch]pp'
    fi
}

list=$(sources | while read -r name; do
    if [ -f "$name" ]; then
        echo "$name"
    fi
done)
if [ -z "$list" ]; then
    echo "format: no sources under $root"
    exit 1
fi
# shellcheck disable=SC2086
if ! "$formatter" --dry-run -Werror $list; then
    echo "format: run  $formatter -i  on the files named above"
    exit 1
fi
# shellcheck disable=SC2086
echo "format: $(echo $list | wc -w) files as they should be"
