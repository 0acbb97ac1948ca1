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
    rm -rf "${tree:?}"/*
    put buddy/buddy.h '#include <stdint.h>'
    put buddy/buddy.c '#include "buddy.h"' '#include "words.h"' '#include <linux/futex.h>'
    put buddy/heap.c '#include "heap.h"' '#include <stdio.h>'
    put engine/gpu.h '/* no GLuint here' ' * and no glFinish */' '#include "engine/page.h"' \
        '// GL_TEXTURE_2D' 'int OpenGL, GLSL;'
    put engine/gpu.c '#include "engine/gpu.h"' '#include <glad/gl.h>' \
        '#include "shaders/embedded.h"'
    put engine/gpu_private.h '#include "engine/gpu.h"' '#include <glad/gl.h>' 'GLuint name;'
    put engine/gpu_draw.c '#include "engine/gpu_private.h"'
    put engine/gpu_size.c '#include "engine/gpu.h"'
    put engine/fetch.c '#include "engine/fetch.h"' '#include "engine/ramtier.h"' \
        '#include "buddy/heap.h"' '#include "engine/files/regular.h"' '#include <lz4.h>' '/* #include "tools/config.h" */'
    put engine/stream.c '#include "engine/vt.h"' '#include "engine/fetch.h"'
    put engine/files/replace.c '#include "engine/files/replace.h"' '#include <unistd.h>'
    put engine/vt_shared.h '#define A 1'
    put tools/view/view.c '#include "engine/vt.h"' '#include "tools/config.h"' '#include <glad/gl.h>'
    put tests/test_fetch.c '#include "engine/fetch.h"' '#include "buddy/words.h"'
}

# FILE LINE: adding the line to the file must be reported there, and nothing else.
expect_caught()
{
    good_tree
    echo "$2" >>"$tree/$1"
    line=$(wc -l <"$tree/$1")
    said=$(sh "$layering" "$tree") && code=0 || code=$?
    case "$code $said" in
    "1 $1:$line: "*) ;;
    *)
        echo "not caught: $1: $2 (exit code $code, said '$said')"
        failed=1
        ;;
    esac
    if [ "$(printf '%s\n' "$said" | wc -l)" -ne 1 ]; then
        echo "more than one offence: $1: $2: $said"
        failed=1
    fi
}

good_tree
if ! sh "$layering" "$tree"; then
    echo "a tree that keeps the rules was refused"
    failed=1
fi

expect_caught buddy/heap.c '#include "engine/page.h"'
expect_caught buddy/heap.c '#include <engine/page.h>'
expect_caught buddy/heap.c '#include <lz4.h>'
expect_caught buddy/heap.c '  #  include <GL/gl.h>'
expect_caught buddy/heap.c '#include "engine/files/replace.h"'
expect_caught buddy/buddy.c '#include <stdlib.h>'
expect_caught buddy/buddy.c '#include "heap.h"'
expect_caught engine/fetch.c '#include "tools/config.h"'
expect_caught engine/fetch.c '#include "engine/vt.h"'
expect_caught engine/fetch.c '#include "stream.h"'
expect_caught engine/fetch.c '#include "../tools/config.h"'
expect_caught engine/fetch.c '/* a comment */ #include <glad/gl.h>'
expect_caught engine/fetch.c '#include <GL/gl.h> /* opened here,'
expect_caught engine/fetch.c '#include "buddy/words.h"'
expect_caught engine/fetch.c '#include "engine/pagefile_format.h"'
expect_caught engine/fetch.c '#include "shaders/embedded.h"'
expect_caught engine/fetch.c '#include "engine/gpu_private.h"'
expect_caught engine/gpu_size.c '#include <glad/gl.h>'
expect_caught engine/stream.c '#include <glad/gl.h>'
expect_caught engine/stream.c '#include "engine/gpu_private.h"'
expect_caught engine/gpu.h 'GLuint gpu_texture(const gpu *g);'
expect_caught engine/gpu.h '#include <EGL/egl.h>'
expect_caught engine/gpu.h 'enum { GPU_TARGET = GL_TEXTURE_2D };'
expect_caught engine/gpu.h '/* tidy */ void gpu_bind(GLsync fence);'
expect_caught engine/files/replace.c '#include "engine/page.h"'
expect_caught engine/files/replace.c '#include <lz4.h>'
expect_caught engine/vt_shared.h '#include <stdint.h>'
expect_caught tools/view/view.c '#include "engine/atlas.h"'
expect_caught tools/view/view.c '#include "engine/stream.h"'
expect_caught tools/view/view.c '#include "buddy/gate.h"'
expect_caught tools/view/view.c '#include "tests/fake_gpu.h"'

rm -rf "${tree:?}"/*
mkdir "$tree/buddy" "$tree/engine" "$tree/shaders" "$tree/tools"
if sh "$layering" "$tree" 2>/dev/null; then
    echo "a tree with no sources passed"
    failed=1
fi
exit "$failed"
