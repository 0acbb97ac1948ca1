#!/bin/sh
# unused.sh ROOT BUILD [LIST]: no function that nothing calls. In buddy/, engine/ and tools/ whatever
# is visible outside its file is used by another file, and an inline function of a header by some
# file. Not by tests alone, but for NAME_check, and for what LIST (the file unused_list beside this
# one) names, with the reason. What the public headers declare (buddy/*.h, engine/*.h) may have no
# user here, but a test must call it.
#
# Prints "FILE: NAME: rule" for each offence; exit code 1 when there is one, 2 when nothing is built.
set -eu
here=$(dirname "$0")
symbols=$(mktemp)
trap 'rm -f "$symbols"' EXIT
sh "$here/symbols.sh" "$1" "$2" >"$symbols"

awk '
FILENAME == ARGV[1] {
    sub(/#.*/, "")
    if (NF > 0) { listed[$1] = 1 }
    next
}
$2 == "define" || $2 == "inline" {
    if ($1 ~ /^(buddy|engine|tools)\//) {
        n++
        file[n] = $1
        name[n] = $3
        kind[n] = $2
    }
}
$2 == "declare" && $1 ~ /^(buddy|engine)\/[^\/]*$/ { public[$3] = 1 }
$2 == "inline" && $1 ~ /^(buddy|engine)\/[^\/]*$/ { public[$3] = 1 }
# An inline function that another inline function calls is used by who uses that one.
$2 == "use" || $2 == "local" || $2 == "call" {
    if ($1 ~ /^tests\//) {
        tested[$3] = 1
    } else if (!($3 in user)) {
        user[$3] = $1
    } else if (user[$3] != $1) {
        users[$3] = 1
    }
}

function offend(i, rule) {
    if (!((file[i], name[i]) in said)) {
        print file[i] ": " name[i] ": " rule
        said[file[i], name[i]] = 1
        offences++
    }
}

END {
    for (i = 1; i <= n; i++) {
        used = (name[i] in users) || (name[i] in user) && (kind[i] == "inline" || user[name[i]] != file[i])
        if (name[i] == "main" || name[i] in listed) {
            wanted[name[i]] = 1
        } else if (name[i] in public) {
            if (!(name[i] in tested)) { offend(i, "is public, and no test uses it") }
        } else if (!used && !(name[i] in tested)) {
            offend(i, kind[i] == "inline" ? "nothing uses it" : "no other file uses it: make it static, or delete it")
        } else if (!used && name[i] !~ /_check$/) {
            offend(i, "tests alone use it")
        }
    }
    for (name_listed in listed) {
        if (!(name_listed in wanted)) {
            print ARGV[1] ": " name_listed ": is listed, and there is no such thing"
            offences++
        }
    }
    exit offences > 0 ? 1 : 0
}' "${3:-$here/unused_list}" "$symbols"
