#!/bin/sh
# exports.sh PREFIX LIST LIBRARY…: what a program that links one of the libraries can see of it is
# what LIST names, line by line, and all of it begins with PREFIX. A shared library (NAME.so) is
# asked for the names that the loader sees, a static one for those that a linker sees. The variable
# NM names another nm than the system's.
#
#     exports.sh --list LIBRARY >LIST     writes the list anew: look at it before you keep it
#
# Prints "LIBRARY: what is wrong: name" for each; exit code 1 when there is one, 2 on wrong usage.
set -eu
LC_ALL=C
export LC_ALL

# LIBRARY: its names, each once.
names_of()
{
    case $1 in
    *.so) ${NM:-nm} -D --defined-only "$1" ;;
    *) ${NM:-nm} -g --defined-only "$1" ;;
    esac | awk 'NF == 3 { print $3 }' | sort -u
}

if [ $# -eq 2 ] && [ "$1" = --list ]; then
    names_of "$2"
    exit
elif [ $# -lt 3 ]; then
    echo "usage: exports.sh PREFIX LIST LIBRARY..." >&2
    exit 2
fi
prefix=$1
list=$2
shift 2
sort -uc "$list" || exit 2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for library in "$@"; do
    names_of "$library" >"$work/names"
    if [ ! -s "$work/names" ]; then
        echo "$library: no names at all" >>"$work/wrong"
    fi
    sed "/^$prefix/d; s|^|$library: without the prefix $prefix: |" "$work/names" >>"$work/wrong"
    comm -23 "$work/names" "$list" | sed "s|^|$library: not in the list: |" >>"$work/wrong"
    comm -13 "$work/names" "$list" | sed "s|^|$library: only in the list: |" >>"$work/wrong"
done
cat "$work/wrong"
[ ! -s "$work/wrong" ]
