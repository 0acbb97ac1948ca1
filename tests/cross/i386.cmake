# Programs for 32-bit x86, run by QEMU. Packages: group i386 of tools/setup.sh.
set(CMAKE_SYSTEM_PROCESSOR i686)
set(CROSS_TRIPLET i686-linux-gnu)
set(CROSS_DEBIAN i386)
set(CROSS_EMULATOR qemu-i386)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
