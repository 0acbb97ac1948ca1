#!/bin/sh
# circles.sh ROOT BUILD: files call one way. Within buddy/ and within engine/ no file uses a function
# (or a variable) of another that, by way of whatever others, uses one of its own. An inline function
# of a header is its .c file's: of the same name in the same folder, or in the room of a public
# header (tests/source/rooms); of a header without one, the header's.
#
# Prints each circle that it finds on a line, "a.c -(name)-> b.c -(name)-> a.c"; exit code 1 when
# there is one, 2 when nothing is built.
set -eu
here=$(dirname "$0")
symbols=$(mktemp)
trap 'rm -f "$symbols"' EXIT
sh "$here/symbols.sh" "$1" "$2" >"$symbols"

awk '
function top_of(name) {
    sub(/\/.*$/, "", name)
    return name
}

# The file that a header is counted as.
function owner(file,    stem, room) {
    if (file !~ /\.h$/) { return file }
    stem = room = file
    sub(/\.h$/, "", stem)
    if ((stem ".c") in is_file) { return stem ".c" }
    if (file ~ /^[^\/]*\/[^\/]*$/) {
        room = file in face ? face[file] : stem
        sub(/^.*\//, "", stem)
        if ((room "/" stem ".c") in is_file) { return room "/" stem ".c" }
    }
    return file
}

# What buddy/malloc defines is called malloc, and to everybody else that is the C library.
function add_edge(from, to, name) {
    if (from == to || top_of(from) != top_of(to) || (from, to) in label ||
        to ~ /^buddy\/malloc\// && from !~ /^buddy\/malloc\//) { return }
    label[from, to] = name
    edges[from] = edges[from] " " to
    if (!(from in left)) {
        left[from] = 1
        order[++nodes] = from
    }
}

# Whether the file uses one that is left; it is in next_one then.
function leads_on(name,    i, n, to) {
    n = split(edges[name], to, " ")
    for (i = 1; i <= n; i++) {
        if (left[to[i]] && (name, to[i]) in label) {
            next_one = to[i]
            return 1
        }
    }
    return 0
}

# Takes away the files that use none that is left, until none goes any more. From one of the rest the
# way goes on for ever, so it comes back to where it has been: that circle is said, and cut for the
# next look. Returns whether there was one.
function find_circle(    i, gone, name, start, path, seen) {
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
    if (i > nodes) { return 0 }
    for (name = order[i]; !(name in seen); name = next_one) {
        seen[name] = 1
        leads_on(name)
    }
    path = start = name
    do {
        leads_on(name)
        path = path " -(" label[name, next_one] ")-> " next_one
        i = name
        name = next_one
    } while (name != start)
    print path
    delete label[i, start]
    return 1
}

FILENAME == ARGV[1] {
    if ($1 == "face") { face[$2] = $3 }
    next
}
$1 !~ /^(buddy|engine)\// { next }
{ is_file[$1] = 1 }
$2 == "define" { definer[$3] = $1 }
$2 == "inline" { inline[top_of($1), $3] = $1 }
$2 == "use" || $2 == "local" || $2 == "call" {
    n++
    file[n] = $1
    kind[n] = $2
    name[n] = $3
}

END {
    for (i = 1; i <= n; i++) {
        from = owner(file[i])
        if (kind[i] != "use" && (top_of(from), name[i]) in inline) {
            add_edge(from, owner(inline[top_of(from), name[i]]), name[i])
        } else if (kind[i] != "local" && name[i] in definer) {
            add_edge(from, definer[name[i]], name[i])
        }
    }
    while (find_circle()) { circles++ }
    exit circles > 0 ? 1 : 0
}' "$here/rooms" "$symbols"
