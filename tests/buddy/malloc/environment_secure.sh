#!/bin/sh
# environment_secure.sh PROGRAM: a program that is set-user-id does not look at BUDDY_FAULT and
# BUDDY_TRACK: it would write files with rights that its user does not have. Needs root, to be two
# other users; exit code 77 (skipped) without, and where programs cannot be set-user-id.
set -eu
program=$1
skip()
{
    echo "environment_secure: skipped: $*"
    exit 77
}
[ "$(id -u)" -eq 0 ] || skip "not root"
command -v setpriv >/dev/null || skip "no setpriv"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
chmod 755 "$work"
mkdir "$work/open"
chmod 777 "$work/open"
cp "$program" "$work/plain"
cp "$program" "$work/other"
chown 54321:54321 "$work/other"
chmod 755 "$work/plain"
chmod 4755 "$work/other"

# as_user NAME: what the copy says, run by an ordinary user who is not its owner.
as_user()
{
    (cd "$work/open" && setpriv --reuid=54322 --regid=54322 --clear-groups env \
        BUDDY_FAULT=every=2 BUDDY_TRACK="log=$work/open/$1.log,report=$work/open/$1.txt" "$work/$1") 2>&1
}

plain=$(as_user plain) || skip "cannot run as another user: $plain"
other=$(as_user other) || true
case $other in
"secure 0 "*) skip "no set-user-id programs here" ;;
esac
echo "plain: $plain; set-user-id: $other"
[ "$plain" = "secure 0 fault 1 track 1" ] || exit 1
[ -e "$work/open/plain.log" ] && [ -e "$work/open/plain.txt" ] || exit 1
[ "$other" = "secure 1 fault 0 track 0" ] || exit 1
[ ! -e "$work/open/other.log" ] && [ ! -e "$work/open/other.txt" ] || exit 1
