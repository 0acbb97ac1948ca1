# Installs the built allocator into an empty folder and builds a foreign project against it.
#   cmake -DBUILD=… -DWORK=… -DSOURCE=… -DGENERATOR=… -P check.cmake
file(REMOVE_RECURSE ${WORK})
set(must COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD}/buddy --prefix ${WORK}/prefix ${must})
execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK}/build -G ${GENERATOR}
                        -DCMAKE_PREFIX_PATH=${WORK}/prefix ${must})
execute_process(COMMAND ${CMAKE_COMMAND} --build ${WORK}/build ${must})
execute_process(COMMAND ${CMAKE_CTEST_COMMAND} --test-dir ${WORK}/build --output-on-failure ${must})

# The same by pkg-config: the flags must name the folder it was installed into.
file(GLOB_RECURSE pc ${WORK}/prefix/*/buddy.pc)
get_filename_component(folder ${pc} DIRECTORY)
execute_process(COMMAND ${CMAKE_COMMAND} -E env PKG_CONFIG_PATH=${folder} pkg-config --cflags --libs buddy
                OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE ${must})
separate_arguments(flags UNIX_COMMAND "${flags}")
execute_process(COMMAND cc -o ${WORK}/use ${SOURCE}/use.c ${flags} ${must})
execute_process(COMMAND ${WORK}/use ${must})
