# What find_package(megabuddy) reads. Only who links the static library needs the packages that it is made with.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(buddy PATHS ${CMAKE_CURRENT_LIST_DIR}/../buddy NO_DEFAULT_PATH) # installed with it
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(LZ4 QUIET IMPORTED_TARGET liblz4)
  pkg_check_modules(ZSTD QUIET IMPORTED_TARGET libzstd)
  pkg_check_modules(TURBOJPEG QUIET IMPORTED_TARGET libturbojpeg)
  pkg_check_modules(ISAL QUIET IMPORTED_TARGET libisal)
  pkg_check_modules(URING QUIET IMPORTED_TARGET liburing)
endif()
include(${CMAKE_CURRENT_LIST_DIR}/megabuddyTargets.cmake)
