#!/bin/sh
# manual.sh PROGRAM VERSION FILE: writes the manual page of the program, made of what its --help says:
# a section for each command, its text as it stands.
set -eu
program=$1
version=$2
file=$3
export LC_ALL=C

# Text for troff: lines as they are, with what troff would take for its own made plain.
plain()
{
    sed 's/\\/\\e/g; s/-/\\-/g; s/^\([.'"'"']\)/\\\&\1/'
}

# COMMAND…: the names of the commands that its --help lists.
names()
{
    "$program" "$@" --help | sed -n 's/^  \([a-z][a-z]*\)  *[a-z].*/\1/p'
}

# COMMAND…: the section of one command.
section()
{
    printf '.SS "megabuddy %s"\n.EX\n' "$*"
    "$program" "$@" --help | plain
    printf '.EE\n'
}

{
    printf '.TH MEGABUDDY 1 "" "megabuddy %s" "User Commands"\n' "$version"
    printf '.SH NAME\nmegabuddy \\- texture streaming for worlds far larger than video memory\n'
    printf '.SH SYNOPSIS\n.B megabuddy\n.I COMMAND\n.RI [ ARGUMENT ]...\n.SH DESCRIPTION\n.EX\n'
    "$program" --help | plain
    printf '.EE\n.SH COMMANDS\n'
    for command in $(names); do
        case $command in
        bench)
            section bench
            for benchmark in $(names bench); do
                [ "$benchmark" = all ] || section bench "$benchmark"
            done
            ;;
        test) section test alloc ;;
        *) section "$command" ;;
        esac
    done
} >"$file.part"
mv "$file.part" "$file"
