# What the toolchain files here share: Debian's cross compilers, and under build/packages the libraries of the other
# architecture that programs need to run, as tools/setup.sh unpacks them. (The C library that comes with the cross
# compiler for i386 makes pthread_create spin under QEMU 7.2; the one that Debian's i386 runs on does not.)
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_C_COMPILER ${CROSS_TRIPLET}-gcc)
set(CMAKE_CXX_COMPILER ${CROSS_TRIPLET}-g++)

get_filename_component(CROSS_ROOT ${CMAKE_CURRENT_LIST_DIR}/../../build/packages/${CROSS_DEBIAN} ABSOLUTE)
set(CMAKE_CROSSCOMPILING_EMULATOR ${CROSS_EMULATOR} -L ${CROSS_ROOT})
file(GLOB CROSS_PKGCONFIG ${CROSS_ROOT}/usr/lib/*/pkgconfig)
set(ENV{PKG_CONFIG_LIBDIR} ${CROSS_PKGCONFIG})
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${CROSS_ROOT})
