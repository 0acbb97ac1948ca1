# Fuzz targets, where clang and its runtime are there and no other sanitizer is wanted. ctest runs each for a moment;
# by hand:  build/dev-clang/tests/fuzz_pagefile DIRECTORY_OF_MEGA_FILES
if(NOT CMAKE_C_COMPILER_ID MATCHES Clang OR MEGABUDDY_SANITIZE)
  return()
endif()
include(CheckCSourceCompiles)
set(CMAKE_REQUIRED_FLAGS -fsanitize=fuzzer,address,undefined)
check_c_source_compiles("#include <stddef.h>
int LLVMFuzzerTestOneInput(const unsigned char *d, size_t n);
int LLVMFuzzerTestOneInput(const unsigned char *d, size_t n) { return d == NULL && n > 0; }" MEGABUDDY_HAS_FUZZER)
unset(CMAKE_REQUIRED_FLAGS)
if(NOT MEGABUDDY_HAS_FUZZER)
  return()
endif()

pkg_check_modules(LZ4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(TURBOJPEG REQUIRED IMPORTED_TARGET libturbojpeg)
pkg_check_modules(ISAL REQUIRED IMPORTED_TARGET libisal)
# The reader is compiled in, so that the fuzzer sees where it goes.
set(sources pagefile lz4stream unpack pagewriter pagewriter_pack pagewriter_work pagewriter_join spool)
list(TRANSFORM sources REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/engine/\\1.c")
list(APPEND sources ${PROJECT_SOURCE_DIR}/engine/files/regular.c ${PROJECT_SOURCE_DIR}/engine/files/replace.c)
add_executable(fuzz_pagefile fuzz_pagefile.c ${sources})
target_include_directories(fuzz_pagefile PRIVATE ${PROJECT_SOURCE_DIR})
target_compile_options(fuzz_pagefile PRIVATE -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all)
target_link_options(fuzz_pagefile PRIVATE -fsanitize=fuzzer,address,undefined)
target_link_libraries(fuzz_pagefile PRIVATE megabuddy_flags PkgConfig::LZ4 PkgConfig::ZSTD
  PkgConfig::TURBOJPEG PkgConfig::ISAL)
set_target_properties(fuzz_pagefile PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
add_test(NAME fuzz_pagefile COMMAND fuzz_pagefile -runs=20000 -max_total_time=10 -max_len=16384 -len_control=0 -rss_limit_mb=1024)
