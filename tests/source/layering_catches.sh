#!/bin/sh
# layering_catches.sh: the layering test can fail. A small tree that keeps every rule passes; each of
# a list of offences, put into it alone, is reported at its file and line.
set -eu
layering=$(cd "$(dirname "$0")" && pwd)/layering.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failed=0

# FILE LINE…: writes a file of the tree.
put()
{
    file=$tree/$1
    shift
    mkdir -p "$(dirname "$file")"
    printf '%s\n' "$@" >"$file"
}

good_tree()
{
    put buddy/buddy.h '#include <stdint.h>'
    put buddy/heap.h '#include "buddy.h"'
    put buddy/stl.hpp '#include "buddy/heap.h"' '#include <memory>'
    put buddy/core/words.h '#include <stdatomic.h>'
    put buddy/core/buddy.c '#include "buddy/buddy.h"' '#include "words.h"' \
        '#include <linux/futex.h>'
    put buddy/heap/private.h '#include "buddy/heap.h"'
    put buddy/heap/heap.c '#include "private.h"' '#include <stdio.h>'
    put buddy/pool/pool.c '#include "buddy/core/words.h"' '#include "buddy/heap.h"'
    put engine/vt.h '#include <stdint.h>'
    put engine/page/page.h '#include "engine/vt_shared.h"' '#include "buddy/buddy.h"'
    put engine/vram/gpu.h '/* no GLuint here' ' * and no glFinish */' \
        '#include "engine/page/page.h"' '// GL_TEXTURE_2D' 'int OpenGL, GLSL;'
    put engine/vram/gpu.c '#include "engine/vram/gpu.h"' '#include <glad/gl.h>'
    put engine/vram/gpu_private.h '#include "engine/vram/gpu.h"' '#include <glad/gl.h>' \
        'GLuint name;'
    put engine/vram/gpu_staging.c '#include "engine/vram/gpu_private.h"'
    put engine/vram/gpu_size.c '#include "engine/vram/gpu.h"'
    put engine/disk/fetch.c '#include "fetch.h"' '#include "engine/ram/ramtier.h"' \
        '#include "buddy/heap.h"' '#include "engine/files/regular.h"' '#include <lz4.h>' \
        '/* #include "tools/view/conf.h" */'
    put engine/conductor/stream.c '#include "engine/vt.h"' '#include "engine/disk/fetch.h"' \
        '#include "shaders/embedded.h"'
    put engine/files/replace.c '#include "engine/files/replace.h"' '#include <unistd.h>'
    put engine/vt_shared.h '#define A 1'
    put tools/bake/writer/join.c '#include "engine/disk/pagefile_format.h"'
    put tools/view/view.c '#include "engine/vt.h"' '#include "tools/view/conf.h"' \
        '#include "buddy/heap.h"' '#include "engine/page/page.h"' '#include <glad/gl.h>'
    put tests/test_fetch.c '#include "engine/disk/fetch.h"' '#include "buddy/core/words.h"'
}

# FILE LINE: adding the line to the file, or making one of it, must be reported there, and nothing
# else.
expect_caught()
{
    mkdir -p "$tree/${1%/*}"
    [ ! -e "$tree/$1" ] || cp "$tree/$1" "$tree/kept"
    echo "$2" >>"$tree/$1"
    line=$(wc -l <"$tree/$1")
    said=$(sh "$layering" "$tree") && code=0 || code=$?
    rm "$tree/$1"
    [ ! -e "$tree/kept" ] || mv "$tree/kept" "$tree/$1"
    case "$code $said" in
    "1 $1:$line: "*) ;;
    *)
        echo "not caught: $1: $2 (exit code $code, said '$said')"
        failed=1
        ;;
    esac
    case $said in
    *"
"*)
        echo "more than one offence: $1: $2: $said"
        failed=1
        ;;
    esac
}

# WORDS: what the tree holds now must be refused with a line that has them.
expect_said()
{
    said=$(sh "$layering" "$tree") && code=0 || code=$?
    case "$code $said" in
    "1 "*"$1"*) ;;
    *)
        echo "not caught: $1 (exit code $code, said '$said')"
        failed=1
        ;;
    esac
}

good_tree
if ! sh "$layering" "$tree"; then
    echo "a tree that keeps the rules was refused"
    failed=1
fi

expect_caught buddy/heap/heap.c '#include "engine/page/page.h"'
expect_caught buddy/heap/heap.c '#include <engine/page/page.h>'
expect_caught buddy/heap/heap.c '#include <lz4.h>'
expect_caught buddy/heap/heap.c '  #  include <GL/gl.h>'
expect_caught buddy/heap/heap.c '#include "engine/files/replace.h"'
expect_caught buddy/heap/heap.c '#include "buddy/pool.h"'
expect_caught buddy/heap/heap.c '#include "buddy/stl.hpp"'
expect_caught buddy/pool/pool.c '#include "buddy/heap/private.h"'
expect_caught buddy/core/buddy.c '#include <stdlib.h>'
expect_caught buddy/core/buddy.c '#include "buddy/heap.h"'
expect_caught buddy/core/words.h '#include "buddy/system/region.h"'
expect_caught buddy/heap.h '#include "buddy/core/words.h"'
expect_caught buddy/buddy.h '#include "buddy/pool.h"'
expect_caught buddy/attic/attic.c ''
expect_caught engine/attic.h ''
expect_caught engine/vt.h '#include "engine/disk/fetch.h"'
expect_caught engine/disk/fetch.c '#include "tools/view/conf.h"'
expect_caught engine/disk/fetch.c '#include "engine/vt.h"'
expect_caught engine/disk/fetch.c '#include "engine/conductor/stream.h"'
expect_caught engine/disk/fetch.c '#include "engine/vram/atlas.h"'
expect_caught engine/disk/fetch.c '#include "../tools/config.h"'
expect_caught engine/disk/fetch.c '/* a comment */ #include <glad/gl.h>'
expect_caught engine/disk/fetch.c '#include <GL/gl.h> /* opened here,'
expect_caught engine/disk/fetch.c '#include "buddy/core/words.h"'
expect_caught engine/disk/fetch.c '#include "shaders/embedded.h"'
expect_caught engine/disk/fetch.c '#include "engine/ram/ramtier_private.h"'
expect_caught engine/page/page.h '#include "engine/system/log.h"'
expect_caught engine/vram/gpu_size.c '#include <glad/gl.h>'
expect_caught engine/conductor/stream.c '#include <glad/gl.h>'
expect_caught engine/conductor/stream.c '#include "engine/vram/gpu_private.h"'
expect_caught engine/vram/gpu.h 'GLuint gpu_texture(const gpu *g);'
expect_caught engine/vram/gpu.h '#include <EGL/egl.h>'
expect_caught engine/vram/gpu.h 'enum { GPU_TARGET = GL_TEXTURE_2D };'
expect_caught engine/vram/gpu.h '/* tidy */ void gpu_bind(GLsync fence);'
expect_caught engine/files/replace.c '#include "engine/page/page.h"'
expect_caught engine/files/replace.c '#include "buddy/heap.h"'
expect_caught engine/files/replace.c '#include <lz4.h>'
expect_caught engine/vt_shared.h '#include <stdint.h>'
expect_caught engine/vt_shared.h '#include "engine/page/texel.h"'
expect_caught tools/view/view.c '#include "engine/vram/atlas.h"'
expect_caught tools/view/view.c '#include "engine/conductor/stream.h"'
expect_caught tools/view/view.c '#include "engine/disk/pagefile_format.h"'
expect_caught tools/view/view.c '#include "buddy/core/gate.h"'
expect_caught tools/view/view.c '#include "tools/bake/writer/pagewriter_private.h"'
expect_caught tools/view/view.c '#include "tests/rigs/engine/fake_gpu.h"'

put engine/page/page.h '#include "engine/page/texel.h"'
put engine/page/texel.h '#include "block.h"'
put engine/page/block.h '#include "texel.h"'
expect_said 'circle: engine/page/block.h -> engine/page/texel.h -> engine/page/block.h'

rm -rf "${tree:?}"/*
mkdir "$tree/buddy" "$tree/engine" "$tree/shaders" "$tree/tools"
if sh "$layering" "$tree" 2>/dev/null; then
    echo "a tree with no sources passed"
    failed=1
fi
exit "$failed"
