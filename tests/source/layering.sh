#!/bin/sh
# layering.sh [ROOT]: who may include whom, and that gpu.h speaks no OpenGL.
#
#     buddy  <-  engine stations  <-  engine/stream  <-  tools
#
#   buddy/        itself and the C library, the core of it not even files and memory of its own
#   shaders/*.h   nothing: GLSL reads them too
#   engine/       buddy's public headers, other stations' headers, engine/vt_shared.h; not vt.h or
#                 stream.h, which are above it; OpenGL and the embedded shaders only in gpu.c and
#                 the gpu_*.c that it is split into (but gpu_size.c, which is arithmetic);
#                 NAME_private.h is for NAME*.c alone
#   engine/files/  itself and the C library; the rest of engine/, and tools/, include it
#   engine/stream.*  the same and vt.h, and the embedded shaders; no OpenGL
#   tools/        vt.h, vt_watch.h, trace.h, what reads and writes page files, buddy's public
#                 headers; no station
#   tests/        whatever they like
#
# Prints "FILE:LINE: rule" for each offence; exit code 1 when there is one, 2 when there is nothing
# to look at.
set -eu
root=${1:-$(dirname "$0")/../..}
cd "$root"

files=$(find buddy engine shaders tools -type f \
    \( -name '*.c' -o -name '*.h' -o -name '*.cpp' -o -name '*.hpp' \) | LC_ALL=C sort)
if [ -z "$files" ]; then
    echo "layering: no sources under $root" >&2
    exit 2
fi

# Comments go first: they may name what code may not.
# shellcheck disable=SC2086
awk '
function offend(rule) {
    printf "%s:%d: %s\n", FILENAME, FNR, rule
    offences++
}

# The line without comments; in_comment lasts to the next line.
function code_of(line,    out, at) {
    out = ""
    while (line != "") {
        if (in_comment) {
            at = index(line, "*/")
            if (at == 0) { return out }
            line = substr(line, at + 2)
            in_comment = 0
        } else {
            at = match(line, /\/\*|\/\//)
            if (at == 0) { return out line }
            out = out substr(line, 1, at - 1)
            if (substr(line, at, 2) == "//") { return out }
            line = substr(line, at + 2)
            in_comment = 1
        }
    }
    return out
}

# A quoted include with its folder: "tree.h" in buddy/heap.h is buddy/tree.h.
function full_name(name,    folder) {
    if (name ~ /\//) { return name }
    folder = FILENAME
    sub(/\/[^\/]*$/, "", folder)
    return folder "/" name
}

function is_opengl(name) {
    return name ~ /^(glad|GL|GLES[0-9]*|EGL|KHR|GLFW)\//
}

# What is not installed is private.
function is_private_buddy(name) {
    return name ~ /^buddy\// && name !~ /^buddy\/((buddy|fault|heap|levels|magazine|pool|slab|snapshot|track|track_log|tree)\.h|stl\.hpp)$/
}

# The allocator itself, as against what stands round it.
function is_core() {
    return FILENAME ~ /^buddy\/(buddy|core|freeset|gate|inspect|near|reserve|split|tree|words)\.[ch]$/
}

function is_private_engine(name) {
    return name ~ /^engine\/.*_private\.h$/
}

# engine/gpu of engine/gpu_private.h
function stem(name) {
    sub(/_private\.h$/, "", name)
    return name
}

# Whether this file is one of those that a private header is for.
function shares(name) {
    return index(FILENAME, stem(name)) == 1 && substr(FILENAME, length(stem(name)) + 1, 1) ~ /[._]/
}

# Whether this file may speak OpenGL.
function draws() {
    return FILENAME ~ /^engine\/gpu(_[a-z_]+)?\.c$/ && FILENAME != "engine/gpu_size.c" ||
        FILENAME == "engine/gpu_private.h"
}

# Headers of the C and C++ libraries, POSIX and the kernel.
function is_libc(name) {
    return name ~ /^(sys|linux)\// || name ~ /^[a-z_]+$/ ||
        name ~ /^(assert|ctype|dlfcn|errno|execinfo|fcntl|float|inttypes|limits|malloc|math|poll|pthread|sched|semaphore|setjmp|signal|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|threads|time|unistd)\.h$/
}

function check_buddy(name, quoted) {
    if (quoted && name !~ /^buddy\//) {
        offend("buddy/ stands alone, but includes " name)
    }
    if (!quoted && !is_libc(name)) {
        offend("buddy/ needs the C library only, but includes " name)
    }
    if (is_core() && name ~ /^buddy\/(heap|heap_marks|pool|region|slab|snapshot)/) {
        offend("the core does not know the heap, but includes " name)
    }
    if (is_core() &&
        name ~ /^(stdio|stdlib|pthread|malloc|fcntl)\.h$/) {
        offend("the core does no I/O, allocates nothing and has no threads, but includes " name)
    }
}

function check_files(name, quoted) {
    if (quoted && name !~ /^engine\/files\//) {
        offend("engine/files/ stands alone, but includes " name)
    }
    if (!quoted && !is_libc(name)) {
        offend("engine/files/ needs the C library only, but includes " name)
    }
}

function check_engine(name, quoted) {
    conductor = FILENAME ~ /^engine\/(stream|vt)[._]/
    if (is_opengl(name) && !draws()) {
        offend("only engine/gpu.c speaks OpenGL, but this includes " name)
    }
    if (!quoted) { return }
    if (name ~ /^tools\// || name ~ /^tests\//) {
        offend("engine/ is below " substr(name, 1, 5) "/, but includes " name)
    } else if (is_private_buddy(name)) {
        offend("private to buddy/: " name)
    } else if (name ~ /^engine\/(vt|vt_suspend|vt_watch|stream)\.h$/ && !conductor) {
        offend("a station does not know the conductor, but includes " name)
    } else if (name == "shaders/embedded.h" && !draws() && !conductor) {
        offend("shaders belong to gpu.c and stream.c, but this includes " name)
    } else if (is_private_engine(name) && !shares(name)) {
        offend("private to " stem(name) "*.c: " name)
    } else if (name == "engine/pagefile_format.h" && FILENAME !~ /^engine\/page(file|writer)/) {
        offend("private to pagefile.c and pagewriter.c: " name)
    } else if (name !~ /^(buddy|engine)\// && name !~ /^shaders\/(shared|embedded)\.h$/) {
        offend("not of engine/ or below it: " name)
    }
}

function check_tools(name, quoted) {
    if (!quoted) { return }
    if (is_private_buddy(name)) {
        offend("private to buddy/: " name)
    } else if (name ~ /^engine\// &&
               name !~ /^engine\/(files\/[a-z]+|vt|vt_watch|trace|page|pagefile|pagewriter|unpack|texel|convert|bc1|platform)\.h$/) {
        offend("tools see the streamer through engine/vt.h, but this includes " name)
    } else if (name ~ /^tests\//) {
        offend("tools/ is below tests/, but includes " name)
    }
}

FNR == 1 { in_comment = 0 }

{
    code = code_of($0)
    if (FILENAME ~ /^engine\/.*\.h$/ && !draws() &&
        code ~ /(^|[^A-Za-z0-9_])(GL(void|boolean|byte|ubyte|short|ushort|int|uint|sizei|enum|bitfield|half|float|double|char|sync|fixed|intptr|sizeiptr|int64|uint64)|EGL[A-Z]?[a-z][A-Za-z]*|gl[A-Z][A-Za-z0-9]*|egl[A-Z][A-Za-z0-9]*|E?GL_[A-Z0-9_]+)([^A-Za-z0-9_]|$)/) {
        offend("a header of engine/ has no OpenGL in it, so that a fake card can stand in")
    }
    if (code !~ /^[ \t]*#[ \t]*include[ \t]*["<]/) { next }
    name = code
    sub(/^[^"<]*/, "", name)
    quoted = substr(name, 1, 1) == "\""
    name = substr(name, 2)
    sub(/[">].*$/, "", name)
    if (name ~ /\.\.\//) {
        offend("includes go from the top folder: " name)
        next
    }
    if (quoted) { name = full_name(name) }
    if (name ~ /^(buddy|engine|shaders|tools|tests)\//) { quoted = 1 } # whatever the brackets

    if (FILENAME ~ /^buddy\//) { check_buddy(name, quoted) }
    if (FILENAME ~ /^engine\/files\//) {
        check_files(name, quoted)
    } else if (FILENAME ~ /^engine\//) {
        check_engine(name, quoted)
    }
    if (FILENAME ~ /^tools\//) { check_tools(name, quoted) }
    if (FILENAME ~ /^shaders\//) { offend("GLSL cannot include " name) }
}

END { exit offences > 0 ? 1 : 0 }
' $files
