#!/bin/sh
# layering.sh [ROOT]: who may include whom. The file `rooms` beside this one has the table of rooms;
# beyond it:
#
#   - the core of the allocator does no I/O, allocates nothing and has no threads; buddy/ and
#     engine/files/ need the C library only
#   - NAME_private.h and private.h are for their own room; public headers include public ones only
#   - OpenGL is spoken in engine/vram/gpu*.c only (but gpu_size.c, which is arithmetic), and no
#     header of engine/ has any in it but gpu_private.h
#   - shaders/*.h include nothing: GLSL reads them too
#   - no headers include each other in a circle
#   - tests/ include whatever they like
#
# Prints "FILE:LINE: rule" for each offence; exit code 1 when there is one, 2 when there is nothing
# to look at.
set -eu
rooms=$(cd "$(dirname "$0")" && pwd)/rooms
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

# --- the table ---

# may_room[FOLDER, ROOM], may_file[FOLDER, HEADER], face[HEADER], excepted[FILE, HEADER]
function read_table(    i) {
    if ($1 == "room") {
        is_room[$2] = 1
        may_room[$2, $2] = 1
    }
    for (i = 3; i <= NF; i++) {
        if ($1 == "room") { may_room[$2, $i] = 1 }
        if ($1 == "grant") { may_file[$2, $i] = 1 }
        if ($1 == "face") { face[$2] = $i }
        if ($1 == "except") { excepted[$2, $i] = 1 }
    }
}

function folder_of(name) {
    sub(/\/[^\/]*$/, "", name)
    return name
}

function top_of(name) {
    sub(/\/.*$/, "", name)
    return name
}

# Whether it is what an installed program may include.
function is_public(name) {
    return name ~ /^(buddy|engine)\/[^\/]*$/
}

# The room that a file is in: its folder, or for a public header the room of its name.
function room_of(name) {
    if (!is_public(name)) { return folder_of(name) }
    if (name in face) { return face[name] }
    sub(/\.[a-z]*$/, "", name)
    return name
}

# Whether the header is granted to the folder, or to one round it.
function is_granted(folder, name) {
    while (!((folder, name) in may_file) && folder ~ /\//) { folder = folder_of(folder) }
    return (folder, name) in may_file
}

# --- lines ---

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

# A quoted include from the top: "heap.h" in buddy/pool.h is buddy/heap.h.
function full_name(name) {
    return name ~ /^(buddy|engine|shaders|tools|tests)\// ? name : folder_of(FILENAME) "/" name
}

function is_opengl(name) {
    return name ~ /^(glad|GL|GLES[0-9]*|EGL|KHR|GLFW)\//
}

# Whether this file may speak OpenGL.
function draws() {
    return FILENAME ~ /^engine\/vram\/gpu(_[a-z_]+)?\.c$/ &&
        FILENAME != "engine/vram/gpu_size.c" || FILENAME == "engine/vram/gpu_private.h"
}

# Headers of the C and C++ libraries, POSIX and the kernel.
function is_libc(name) {
    return name ~ /^(sys|linux)\// || name ~ /^[a-z_]+$/ ||
        name ~ /^(assert|ctype|dlfcn|errno|execinfo|fcntl|float|inttypes|limits|malloc|math|poll|pthread|sched|semaphore|setjmp|signal|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|threads|time|unistd)\.h$/
}

# --- rules ---

# <NAME>, of a library
function check_system_header(name) {
    if (room == "buddy/core" && name ~ /^(stdio|stdlib|pthread|malloc|fcntl)\.h$/) {
        offend("the core does no I/O, allocates nothing and has no threads, but includes " name)
    } else if ((top == "buddy" || room == "engine/files") && !is_libc(name)) {
        offend(room " needs the C library only, but includes " name)
    } else if (top == "engine" && is_opengl(name) && !draws()) {
        offend("only engine/vram/gpu.c speaks OpenGL, but this includes " name)
    } else if (top == "shaders") {
        offend("GLSL cannot include " name)
    }
}

# "NAME", of ours
function check_header(name,    from) {
    from = room_of(name)
    if ((FILENAME, name) in excepted) { return }
    if (top == "shaders") {
        offend("GLSL cannot include " name)
    } else if (name ~ /[\/_]private\.h$/ && from != room) {
        offend("private to " from ": " name)
    } else if ((top == "buddy" || top == "engine") && is_public(FILENAME) && !is_public(name)) {
        offend("a public header includes public ones only, not " name)
    } else if ((room, from) in may_room || is_granted(room, name)) {
        return
    } else if (top == "engine" && room != "engine/files" && name ~ /^buddy\//) {
        if (!is_public(name)) { offend("private to buddy/: " name) }
    } else if (top == "tools") {
        if (name ~ /^(buddy|engine)\// && !is_public(name)) {
            offend("tools see the streamer and the allocator by public headers, but this includes " name)
        } else if (top_of(name) == "tests") {
            offend("tools/ is below tests/, but includes " name)
        }
    } else {
        offend(room " does not know " from ", but includes " name)
    }
}

# --- circles ---

function add_edge(to) {
    edges[FILENAME] = edges[FILENAME] " " to
    if (!(FILENAME in left)) {
        left[FILENAME] = 1
        order[++nodes] = FILENAME
    }
}

# Whether one that is left is included by the file; it is in next_one then.
function leads_on(name,    i, n, to) {
    n = split(edges[name], to, " ")
    for (i = 1; i <= n; i++) {
        if (left[to[i]]) {
            next_one = to[i]
            return 1
        }
    }
    return 0
}

# Files that include none that is left are taken away until none goes any more. From one of the rest
# the way goes on for ever, so it comes back to where it has been.
function find_circle(    i, gone, name, path, seen) {
    do {
        gone = 0
        for (i = 1; i <= nodes; i++) {
            if (left[order[i]] && !leads_on(order[i])) {
                left[order[i]] = 0
                gone++
            }
        }
    } while (gone > 0)
    for (i = 1; i <= nodes && !left[order[i]]; i++) { }
    if (i > nodes) { return }
    for (name = order[i]; !(name in seen); name = next_one) {
        seen[name] = 1
        leads_on(name)
    }
    path = i = name
    do {
        leads_on(name)
        name = next_one
        path = path " -> " name
    } while (name != i)
    printf "%s:1: headers include each other in a circle: %s\n", i, path
    offences++
}

NR == FNR {
    sub(/#.*/, "")
    read_table()
    next
}

FNR == 1 {
    in_comment = 0
    top = top_of(FILENAME)
    room = room_of(FILENAME)
    if ((top == "buddy" || top == "engine") && !(room in is_room)) {
        offend("no such room in tests/source/rooms: " room)
    }
}

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
    } else if (quoted || name ~ /^(buddy|engine|shaders|tools|tests)\//) {
        name = full_name(name)
        add_edge(name)
        check_header(name)
    } else {
        check_system_header(name)
    }
}

END {
    find_circle()
    exit offences > 0 ? 1 : 0
}
' "$rooms" $files
