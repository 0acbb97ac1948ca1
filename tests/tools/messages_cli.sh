#!/bin/sh
# messages_cli.sh MEGABUDDY NAMED_WORLD: what the program says, whatever names strangers gave to files
# and layers; that what it could not say is a failure; and that it helps. Prints each case that fails;
# exit code 1 when one did.
set -u
program=$1 named_world=$2
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/megabuddy-messages-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
. "$here/cli.sh"

escape=$(printf '\033')
odd=$(printf 'odd\033[2J\r\n\377.mega')
shown='odd\\x1b\[2J\\x0d\\x0a\\xff.mega'

# FILE: no byte in it that a terminal obeys, but the ends of lines.
is_plain()
{
    [ "$(LC_ALL=C tr -d '\012\040-\176\200-\377' <"$1" | wc -c)" -eq 0 ] || fail "$1 has control characters"
}

# Names reach the terminal as what they are.
"$named_world" world.mega 'albedo' && "$named_world" "$odd" "$(printf '\033[2J\nx')" || exit 1
expect 0 '' "$program" info "$odd"
is_plain stdout
grep -q "^$shown: picture" stdout || fail "info does not show the file's name: $(head -n 1 stdout)"
grep -q '^layer 0  \\x1b\[2J\\x0ax, rgba8' stdout || fail "info does not show the layer's name"
expect 0 '' "$program" verify "$odd"
grep -q "^$shown: all" stdout || fail "verify does not show the file's name: $(cat stdout)"
is_plain stdout
for command in 'info' 'verify' 'view --headless --path' 'view --headless --config' 'bake -o x.mega' \
    'bench replay' 'bench' 'test' 'help' 'view --headless --set' 'bake'; do
    # The words of a command are words on purpose.
    # shellcheck disable=SC2086
    "$program" $command "absent$odd" >stdout 2>stderr && fail "$command takes a file that is not there"
    is_plain stderr
    [ "$(wc -l <stderr)" -eq 1 ] || fail "$command: not one line: $(cat stderr)"
done
"$program" "$odd" 2>stderr && fail "a file's name is a command"
is_plain stderr
printf 'ram: { budget = "%s[2J"; };\n' "$escape" >bad.conf
expect 2 'x1b' "$program" view world.mega --headless --config bad.conf
is_plain stderr

# What stdout does not take is a failure.
if [ -c /dev/full ]; then
    for command in 'info world.mega' 'verify world.mega' '--help' '--version' 'help view' 'bench --help' \
        'info world.mega --codecs --pages 2'; do
        # shellcheck disable=SC2086
        "$program" $command >/dev/full 2>stderr
        [ $? -eq 1 ] || fail "$command: a full device is no failure"
        grep -qE '^megabuddy: standard output: (No space left on device|not all of it was taken)$' stderr ||
            fail "$command: does not say what happened: $(cat stderr)"
    done
fi

# Help, for all there is.
expect 0 '' "$program" --help
for name in bake info verify view bench test alloc locality programs stream replay all; do
    grep -qw -- "$name" stdout || fail "--help does not know $name"
done
for words in 'view' 'info' 'bake' 'verify' 'test alloc' 'bench' 'bench alloc' 'bench stream' 'bench replay'; do
    # shellcheck disable=SC2086
    "$program" $words --help >wanted 2>stderr || fail "$words --help fails"
    # shellcheck disable=SC2086
    expect 0 '' "$program" help $words
    cmp -s stdout wanted || fail "help $words is not $words --help"
done
expect 2 'no such command' "$program" help nothing

# What there is instead of what was asked for.
expect 1 'has no mip 99; the last is 0' "$program" info world.mega --mip 99 -o x.png
expect 1 'has no mip 7; the last is 0' "$program" info world.mega --page 7,0,0 -o x.png
expect 1 'has no column 3; the last is 0' "$program" info world.mega --page 0,3,0 -o x.png
expect 1 'has no row 9; the last is 0' "$program" info world.mega --page 0,0,9 -o x.png
expect 1 'has no layer 1; the last is 0' "$program" info world.mega --mip 0 --layer 1 -o x.png
expect 2 'in B, KiB, MiB, GiB or TiB' "$program" view world.mega --headless --set "ram.budget=64 MB"
expect 2 'in B, KiB, MiB, GiB or TiB' "$program" test alloc --arena 64MB
expect 2 'in B, KiB, MiB, GiB or TiB' "$program" bench alloc --arena 64MB
[ ! -e x.png ] || fail "a picture of what is not there"

[ "$failures" -eq 0 ]
