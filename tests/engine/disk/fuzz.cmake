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

# The reader is compiled in, so that the fuzzer sees where it goes.
set(sources engine/page/crc32c engine/disk/pagefile engine/disk/lz4stream engine/texels/unpack
  engine/files/regular engine/files/replace engine/files/spool
  tools/bake/writer/pagewriter tools/bake/writer/pagewriter_pack tools/bake/writer/pagewriter_work
  tools/bake/writer/pagewriter_join)
list(TRANSFORM sources REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/\\1.c")
add_executable(fuzz_pagefile disk/fuzz_pagefile.c ${sources})
target_include_directories(fuzz_pagefile PRIVATE ${PROJECT_SOURCE_DIR})
target_compile_options(fuzz_pagefile PRIVATE -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all)
target_link_options(fuzz_pagefile PRIVATE -fsanitize=fuzzer,address,undefined)
target_link_libraries(fuzz_pagefile PRIVATE megabuddy_flags PkgConfig::LZ4 PkgConfig::ZSTD
  PkgConfig::TURBOJPEG PkgConfig::ISAL)
set_target_properties(fuzz_pagefile PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
add_test(NAME fuzz_pagefile COMMAND fuzz_pagefile -runs=20000 -max_total_time=10 -max_len=16384 -len_control=0 -rss_limit_mb=1024)
