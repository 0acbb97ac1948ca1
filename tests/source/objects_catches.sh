#!/bin/sh
# objects_catches.sh [CC]: the tests circles and unused can fail. A small tree that keeps the rules
# passes; each of a list of offences, put into it alone, is told.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cc=${1:-cc}
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failed=0

# FILE LINE…: writes a file of the tree.
put()
{
    mkdir -p "$tree/${1%/*}"
    put_file=$tree/$1
    shift
    printf '%s\n' "$@" >"$put_file"
}

# FILE…: compiles them, and says so as CMake would.
build()
{
    mkdir -p "$tree/build"
    (cd "$tree" && "$cc" -O0 -I. -c "$@" && mv ./*.o build)
    for source in "$@"; do
        object=${source##*/}
        printf '{\n  "command": "cc -o %s -c",\n  "file": "%s"\n},\n' "${object%.c}.o" \
            "$tree/$source"
    done >"$tree/build/compile_commands.json"
}

good_tree()
{
    rm -rf "${tree:?}"/*
    put buddy/buddy.h 'int buddy_get(void);' 'static inline int buddy_twice(void)' \
        '{ return 2 * buddy_get(); }'
    put buddy/core/word.h 'int word(void);' 'int word_check(void);'
    put buddy/core/word.c '#include "buddy/core/word.h"' 'int word(void) { return 1; }' \
        'int word_check(void) { return 1; }'
    put buddy/core/buddy.c '#include "buddy/buddy.h"' '#include "buddy/core/word.h"' \
        'int buddy_get(void) { return word(); }'
    put engine/page/page.c 'int page_get(void);' '#include "buddy/buddy.h"' \
        'int page_get(void) { return buddy_twice(); }'
    put tests/test.c '#include "buddy/buddy.h"' '#include "buddy/core/word.h"' \
        'int page_get(void);' 'int main(void) { return buddy_twice() + word_check(); }'
    put tools/main.c 'int page_get(void);' 'int main(void) { return page_get(); }'
    : >"$tree/list"
}

all='buddy/core/word.c buddy/core/buddy.c engine/page/page.c tools/main.c tests/test.c'

# CHECK WORDS: what the tree holds now is refused with them, or accepted where there are none.
expect()
{
    # shellcheck disable=SC2086
    build $all
    said=$(sh "$here/$1.sh" "$tree" "$tree/build" "$tree/list" 2>&1) && code=0 || code=$?
    case "$code $said" in
    "0 ") [ -z "$2" ] && return ;;
    "1 "*"$2"*) [ -n "$2" ] && return ;;
    esac
    echo "$1: expected '$2', got exit code $code and '$said'"
    failed=1
}

good_tree
expect circles ''
expect unused ''

# --- circles ---

put buddy/core/word.c '#include "buddy/buddy.h"' 'int word(void);' 'int word_check(void);' \
    'int word_check(void) { return 1; }' 'int word(void) { return buddy_get(); }'
expect circles 'buddy/core/word.c -(buddy_get)-> buddy/core/buddy.c -(word)-> buddy/core/word.c'

good_tree # … by a public header's inline function
put buddy/core/word.c '#include "buddy/buddy.h"' 'int word(void);' 'int word_check(void);' \
    'int word_check(void) { return 1; }' 'int word(void) { return buddy_ten(); }'
echo 'static inline int buddy_ten(void) { return 10; }' >>"$tree/buddy/buddy.h"
expect circles '-(buddy_ten)-> buddy/core/buddy.c'

good_tree # … by what an inline function calls
put buddy/core/word.h 'int buddy_get(void);' 'int word(void);' 'int word_check(void);' \
    'static inline int word_from(void)' '{' '    return buddy_get(); /* back up */' '}'
expect circles 'buddy/core/word.c -(buddy_get)-> buddy/core/buddy.c'

good_tree # … and by a variable
put buddy/core/word.c 'extern int buddy_state;' 'int word(void);' 'int word_check(void);' \
    'int word_check(void) { return 1; }' 'int word(void) { return buddy_state; }'
put buddy/core/buddy.c '#include "buddy/buddy.h"' '#include "buddy/core/word.h"' \
    'int buddy_state;' 'int buddy_get(void) { return word(); }'
expect circles '-(buddy_state)-> buddy/core/buddy.c'

# --- unused ---

good_tree
echo 'int page_spare(void); int page_spare(void) { return 2; }' >>"$tree/engine/page/page.c"
expect unused 'engine/page/page.c: page_spare: no other file uses it'

good_tree
sed -i 's/word_check/word_test/' "$tree"/buddy/core/word.[ch] "$tree/tests/test.c"
expect unused 'buddy/core/word.c: word_test: tests alone use it'
echo 'word_test # tried alone' >"$tree/list"
expect unused ''
echo 'word_gone' >>"$tree/list"
expect unused 'word_gone: is listed'

good_tree
echo 'static inline int word_spare(void) { return 2; }' >>"$tree/buddy/core/word.h"
expect unused 'buddy/core/word.h: word_spare: nothing uses it'

good_tree
put tests/test.c '#include "buddy/core/word.h"' 'int main(void) { return word_check(); }'
expect unused 'buddy/core/buddy.c: buddy_get: is public, and no test uses it'

rm -r "${tree:?}/build"
mkdir "$tree/build"
echo '[]' >"$tree/build/compile_commands.json"
for check in circles unused; do
    if sh "$here/$check.sh" "$tree" "$tree/build" 2>/dev/null; then
        echo "$check passed where nothing is built"
        failed=1
    fi
done
exit "$failed"
