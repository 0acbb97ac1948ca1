#!/bin/sh
# exports_catches.sh CC: exports.sh finds what it is there to find, in small libraries with a fault.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cc=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# TEXT: makes planted.so and planted.a of it.
plant()
{
    echo "$1" >planted.c
    "$cc" -fPIC -c -o planted.o planted.c
    "$cc" -shared -o planted.so planted.o
    rm -f planted.a
    ar rc planted.a planted.o
}

# LIST LINE…: the libraries are refused, with these lines and no others.
caught()
{
    printf '%s\n' $1 >list
    shift
    printf '%s\n' "$@" >wanted
    code=0
    sh "$here/exports.sh" buddy_ list planted.so planted.a >found 2>&1 || code=$?
    if [ "$code" != 1 ] || ! diff wanted found; then
        echo "exports_catches: exit code $code" >&2
        exit 1
    fi
}

plant 'int buddy_one(void) { return 1; } static int region_map(void) { return 2; }
int buddy_two(void) { return region_map(); }'
printf 'buddy_one\nbuddy_two\n' >list
sh "$here/exports.sh" buddy_ list planted.so planted.a

# A name more than in the list, and one less.
caught "buddy_one" "planted.so: not in the list: buddy_two" "planted.a: not in the list: buddy_two"
caught "buddy_one buddy_three buddy_two" "planted.so: only in the list: buddy_three" \
    "planted.a: only in the list: buddy_three"

# A private function that got out is refused, whatever the list says.
plant 'int buddy_one(void) { return 1; } int region_map(void) { return 2; }'
caught "buddy_one region_map" "planted.so: without the prefix buddy_: region_map" \
    "planted.a: without the prefix buddy_: region_map"

# Hidden names are out of a shared library only: a static one has to make them local.
plant 'int buddy_one(void) { return 1; }
__attribute__((visibility("hidden"))) int buddy_two(void) { return 2; }'
caught "buddy_one" "planted.a: not in the list: buddy_two"

# Nothing in it at all.
plant 'typedef int nothing;'
caught "buddy_one" "planted.so: no names at all" "planted.so: only in the list: buddy_one" \
    "planted.a: no names at all" "planted.a: only in the list: buddy_one"
