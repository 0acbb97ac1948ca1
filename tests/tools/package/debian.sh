#!/bin/sh
# debian.sh BUILD: cpack makes a package of what was built; unpacked into an empty root, its programs
# find all the libraries that they need and run from there.
set -eu
build=$1
for tool in cpack dpkg-deb dpkg-shlibdeps; do
    command -v "$tool" >/dev/null || exit 77
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail()
{
    echo "debian: $1" >&2
    exit 1
}

cpack --config "$build/CPackConfig.cmake" -B "$work" >log 2>&1 || fail "cpack: $(tail -20 log)"
package=$(echo "$work"/megabuddy_*.deb)
dpkg-deb --info "$package"
dpkg-deb --field "$package" Depends | grep -q 'libc6 (>= ' || fail "it does not depend on the C library"
case $(dpkg-deb --field "$package" Depends) in
*libbuddy* | *libmegabuddy*) fail "it depends on its own libraries" ;;
esac
root=$work/root
dpkg-deb -x "$package" "$root"

for file in "$root"/usr/bin/* $(find "$root" -name '*.so'); do
    ! ldd "$file" | grep 'not found' || fail "$file lacks libraries"
done
for file in usr/bin/megabuddy usr/share/man/man1/megabuddy.1 usr/share/doc/megabuddy/copyright \
    usr/share/bash-completion/completions/megabuddy usr/include/buddy/heap.h; do
    [ -s "$root/$file" ] || fail "no $file"
done
PATH=$root/usr/bin:$PATH
megabuddy test alloc --seconds 0.1 --arena "1 MiB" >/dev/null || fail "the program does not run"
if megabuddy help bake >/dev/null 2>&1; then
    for file in usr/share/applications/megabuddy.desktop usr/include/megabuddy/vt.h \
        usr/share/icons/hicolor/scalable/apps/megabuddy.svg usr/share/mime/packages/megabuddy.xml; do
        [ -s "$root/$file" ] || fail "no $file"
    done
    megabuddy bake --synthetic --width 256 -q -o world.mega || fail "it does not bake"
    megabuddy verify -q world.mega || fail "it does not verify"
    # Where there is no OpenGL it says so, and the rest has been seen.
    megabuddy view world.mega --headless --frames 2 --size 64x64 >/dev/null 2>said ||
        grep -q 'EGL\|OpenGL' said || fail "it does not fly: $(cat said)"
fi
if command -v desktop-file-validate >/dev/null; then
    desktop-file-validate "$root"/usr/share/applications/*.desktop
fi
