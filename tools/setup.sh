# setup.sh: what tools/demo, tools/test and .ci/run share: the packages that Megabuddy needs, how to
# get them, and the lines that say what goes on. Sourced by POSIX shells; defines functions only.
#
#   setup_need "GROUP…" "GROUP…"   installs what is missing of both lists; fails when something of
#                                  the first is not to be had (the second is good to have)
#   setup_step "what" COMMAND…     runs a command in silence: one line with its duration, and the
#                                  end of its output when it fails
#   setup_run "what" COMMAND…      the same for a command whose output is worth seeing
#
# The caller sets SETUP_NAME, which opens every line, and stands in the top folder. Nothing here asks
# a question, except sudo for a password when there is a terminal to type it at.

# Group, Debian package, and how to tell that a system without dpkg has it: a command, a pkg-config
# name, a header of C++, or nothing (then it is taken to be there, and what misses it will say so).
#   core    builds the allocator       engine  with core, builds everything; the last three draw
#   test    builds the tests           check   tests that miss these are skipped
#   clang   the second compiler   programs  what bench programs runs, and the mallocs it compares
#   i386, aarch64   build and run tests for another machine, with setup_foreign
setup_packages()
{
    cat <<'LIST'
core gcc command:cc
core g++ command:c++
core cmake command:cmake
core ninja-build command:ninja
core pkg-config command:pkg-config
engine python3-glad command:glad
engine liblz4-dev pc:liblz4
engine libzstd-dev pc:libzstd
engine libturbojpeg0-dev pc:libturbojpeg
engine libjpeg62-turbo-dev pc:libjpeg
engine libtiff-dev pc:libtiff-4
engine libpng-dev pc:libpng
engine libisal-dev pc:libisal
engine liburing-dev pc:liburing
engine libstb-dev pc:stb
engine libnetcdf-dev pc:netcdf
engine libconfig-dev pc:libconfig
engine libcjson-dev pc:libcjson
engine libglfw3-dev pc:glfw3
engine libgl-dev pc:gl
engine libegl-dev pc:egl
engine libimgui-dev header:imgui.h
engine libgl1-mesa-dri -
engine libglx-mesa0 -
engine libegl-mesa0 -
test libcmocka-dev pc:cmocka
test libx11-dev pc:x11
check clang-format command:clang-format
check dpkg-dev command:dpkg-shlibdeps
check clang-tidy command:clang-tidy
check xvfb command:Xvfb
check xauth command:xauth
check xdotool command:xdotool
programs python3 command:python3
programs redis-server command:redis-server
programs lua5.4 command:lua5.4
programs git command:git
programs libsuitesparse-dev -
programs libjemalloc2 -
programs libmimalloc2.0 -
programs libtcmalloc-minimal4 -
clang clang command:clang
clang libclang-rt-14-dev -
i386 gcc-i686-linux-gnu command:i686-linux-gnu-gcc
i386 g++-i686-linux-gnu command:i686-linux-gnu-g++
i386 qemu-user command:qemu-i386
aarch64 gcc-aarch64-linux-gnu command:aarch64-linux-gnu-gcc
aarch64 g++-aarch64-linux-gnu command:aarch64-linux-gnu-g++
aarch64 qemu-user command:qemu-aarch64
LIST
}

setup_say()
{
    printf '%s: %s\n' "$SETUP_NAME" "$*"
}

# --- steps ---

setup_log=build/setup.log

setup_step()
{
    setup_what=$1
    shift
    setup_began=$(date +%s)
    mkdir -p build
    printf '%s: %s ... ' "$SETUP_NAME" "$setup_what"
    if "$@" >"$setup_log" 2>&1 </dev/null; then
        printf '%d s\n' $(($(date +%s) - setup_began))
        return 0
    fi
    printf 'failed after %d s; the end of what it said (all of it: %s):\n' \
        $(($(date +%s) - setup_began)) "$setup_log"
    tail -n 30 "$setup_log"
    return 1
}

setup_run()
{
    setup_what=$1
    shift
    setup_began=$(date +%s)
    setup_say "$setup_what"
    setup_code=0
    "$@" || setup_code=$?
    setup_say "$setup_what: $(($(date +%s) - setup_began)) s"
    return "$setup_code"
}

# --- packages ---

# PACKAGE PROBE: whether the system has it.
setup_has()
{
    if command -v dpkg-query >/dev/null &&
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; then
        return 0
    fi
    case $2 in
    command:*) command -v "${2#*:}" >/dev/null ;;
    pc:*) pkg-config --exists "${2#*:}" 2>/dev/null ;;
    header:*) echo "#include <${2#*:}>" | c++ -x c++ -fsyntax-only - 2>/dev/null ;;
    *) ! command -v dpkg-query >/dev/null ;;
    esac
}

# GROUP…: the packages of these groups that are missing, each once, on one line.
setup_missing()
{
    setup_packages | while read -r setup_group setup_package setup_probe; do
        case " $* " in
        *" $setup_group "*) ;;
        *) continue ;;
        esac
        setup_has "$setup_package" "$setup_probe" || echo "$setup_package"
    done | awk '!seen[$0]++' | tr '\n' ' ' | sed 's/ $//'
}

# COMMAND…: runs it as root, or fails when there is no way to become root.
setup_as_root()
{
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@" # setup_can_be_root has seen to the password
    else
        return 1
    fi
}

# Whether setup_as_root will work. Asks for sudo's password once, at a terminal only.
setup_can_be_root()
{
    if [ "$(id -u)" = 0 ]; then
        return 0
    fi
    command -v sudo >/dev/null || return 1
    sudo -n true 2>/dev/null && return 0
    [ -t 0 ] && sudo -v
}

setup_apt_get()
{
    setup_as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
        -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 "$@"
}

setup_apt_update()
{
    setup_step "reading the list of packages" setup_apt_get update
}

# PACKAGE…: false when apt knows nothing of one of them: a fresh machine has no lists.
setup_apt_knows()
{
    for setup_package in "$@"; do
        apt-cache show --no-all-versions "$setup_package" >/dev/null 2>&1 || return 1
    done
}

# PACKAGE…: installs them; the lists are read again when they turn out to be old.
setup_install()
{
    if setup_apt_knows "$@" || setup_apt_update; then
        setup_step "installing them" setup_apt_get install --no-install-recommends "$@" ||
            { setup_apt_update &&
                setup_step "installing them" setup_apt_get install --no-install-recommends "$@"; }
    else
        return 1
    fi
}

# Gets what can be had of the packages named, and says why not where it can't.
setup_get()
{
    if ! command -v apt-get >/dev/null; then
        setup_say "no apt-get here. Missing, by the names of Debian's packages: $*"
    elif ! setup_can_be_root; then
        setup_say "not root, and no sudo to become it. Missing; as root:"
        setup_say "apt-get install --no-install-recommends $*"
    else
        setup_say "installing: $*"
        # One name that cannot be had must not keep out the others.
        # shellcheck disable=SC2086
        setup_install "$@" || return 0
    fi
}

# --- libraries of another architecture ---

# ARCHITECTURE: where its libraries lie.
setup_foreign_root()
{
    echo "build/packages/$1"
}

# ARCHITECTURE FOLDER APT-GET-ARGUMENT…: apt-get as if this were another machine, with lists of its
# own in the folder, so that the system's are left alone. Needs no root.
setup_foreign_apt_get()
{
    setup_architecture=$1
    setup_lists=$2
    shift 2
    # The user that apt downloads as may not come in here.
    apt-get -q -o APT::Sandbox::User="$(id -un)" -o Acquire::Retries=3 \
        -o APT::Architecture="$setup_architecture" -o APT::Architectures::="$setup_architecture" \
        -o Acquire::Languages=none -o Dir::State="$setup_lists" -o Dir::State::status=/dev/null \
        -o Dir::Cache="$setup_lists" "$@"
}

# ARCHITECTURE: lays out what programs of that architecture need to run, with cmocka.
setup_foreign_fetch()
{
    setup_root=$PWD/$(setup_foreign_root "$1")
    rm -rf "$setup_root" "$setup_root.part" "$setup_root.apt"
    mkdir -p "$setup_root.part" "$setup_root.apt/lists/partial" "$setup_root.apt/archives/partial"
    # One of several lists may be out of step with its server: what counts is what follows.
    setup_foreign_apt_get "$1" "$setup_root.apt" update || true
    (cd "$setup_root.part" && setup_foreign_apt_get "$1" "$setup_root.apt" download \
        libc6 libgcc-s1 libstdc++6 libcmocka0 libcmocka-dev) || return 1
    for setup_package in "$setup_root.part"/*.deb; do
        dpkg-deb -x "$setup_package" "$setup_root.part" || return 1
        rm -f "$setup_package"
    done
    rm -rf "$setup_root.apt"
    mv "$setup_root.part" "$setup_root"
}

# ARCHITECTURE, by Debian's name: its libraries are there, or false.
setup_foreign()
{
    if [ -d "$(setup_foreign_root "$1")" ]; then
        return 0
    fi
    if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
        echo "megabuddy: $SETUP_NAME: libraries for $1: no apt-get and dpkg-deb here" >&2
        return 1
    fi
    setup_step "getting libraries for $1" setup_foreign_fetch "$1"
}

# Gets what is missing of the groups in both lists. False when something of the first is not there
# in the end.
setup_need()
{
    # The lists are words on purpose, here and below.
    # shellcheck disable=SC2086
    setup_wanted=$(setup_missing $1 $2)
    if [ -z "$setup_wanted" ]; then
        return 0
    fi
    # shellcheck disable=SC2086
    setup_get $setup_wanted
    # shellcheck disable=SC2086
    setup_wanted=$(setup_missing $1)
    if [ -n "$setup_wanted" ]; then
        echo "megabuddy: $SETUP_NAME: cannot go on without: $setup_wanted" >&2
        return 1
    fi
}
