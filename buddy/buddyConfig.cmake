# What find_package(buddy) reads: the library, and the threads that it needs.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include(${CMAKE_CURRENT_LIST_DIR}/buddyTargets.cmake)
