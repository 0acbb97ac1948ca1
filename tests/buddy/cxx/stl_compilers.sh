#!/bin/sh
# stl_compilers.sh: stl.hpp, and all that its test makes of it, is good C++17 and C++20 without a
# warning, for g++ and for clang++; the header alone also without run-time type information. A
# compiler that is not installed is passed over. Prints what a compiler says; exit code 1 when one
# says anything, 77 (skipped) when there is none.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../../..
flags="-fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -I$root"
alone='#include "buddy/stl.hpp"
int main() { buddy::resource memory(buddy_heap_desc{}); return memory.is_equal(memory) ? 0 : 1; }'
tried=0
failures=0
for compiler in g++ clang++; do
    command -v "$compiler" >/dev/null || continue
    for standard in c++17 c++20; do
        tried=$((tried + 1))
        # The flags are words on purpose.
        # shellcheck disable=SC2086
        "$compiler" -std=$standard $flags "$here/test_stl.cpp" || failures=$((failures + 1))
        # shellcheck disable=SC2086
        printf '%s\n' "$alone" | "$compiler" -std=$standard $flags -fno-rtti -x c++ - ||
            failures=$((failures + 1))
    done
done
if [ "$tried" -eq 0 ]; then
    echo "stl_compilers: skipped: neither g++ nor clang++"
    exit 77
fi
exit $((failures > 0))
