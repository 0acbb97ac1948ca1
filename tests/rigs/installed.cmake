# Installs what was built into an empty folder, and builds programs of somebody else's against it: in C and in C++, on
# the static and the shared library, found by find_package and by pkg-config.
#   cmake -DLIBRARY=buddy -DBUILD=… -DWORK=… -DSOURCE=… -DGENERATOR=… -DC=… -DCXX=… -P installed.cmake
# With -DBAKE=ON the installed program bakes a world first, which programs find by the variable WORLD.
# BUILD: the folder whose installation it is; SOURCE has use.c, use.cpp and a project that makes programs of them.
file(REMOVE_RECURSE ${WORK})
set(must COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix OUTPUT_QUIET ${must})
if(BAKE)
  set(ENV{WORLD} ${WORK}/world.mega)
  execute_process(COMMAND ${WORK}/prefix/bin/megabuddy bake --synthetic --width 256 -q -o $ENV{WORLD} ${must})
endif()
execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK}/build -G ${GENERATOR}
                        -DCMAKE_C_COMPILER=${C} -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_PREFIX_PATH=${WORK}/prefix ${must})
execute_process(COMMAND ${CMAKE_COMMAND} --build ${WORK}/build ${must})
execute_process(COMMAND ${CMAKE_CTEST_COMMAND} --test-dir ${WORK}/build --output-on-failure ${must})

# By pkg-config, whose flags must name the folder it was installed into.
file(GLOB_RECURSE pc ${WORK}/prefix/*/${LIBRARY}.pc)
get_filename_component(folder ${pc} DIRECTORY)
get_filename_component(libraries ${folder} DIRECTORY)

function(ask_pkg_config out)
  execute_process(COMMAND ${CMAKE_COMMAND} -E env PKG_CONFIG_PATH=${folder} pkg-config ${ARGN} ${LIBRARY}
                  OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE ${must})
  separate_arguments(flags UNIX_COMMAND "${flags}")
  set(${out} ${flags} PARENT_SCOPE)
endfunction()

ask_pkg_config(shared --cflags --libs)
ask_pkg_config(static --cflags --libs --static)
string(REGEX REPLACE "-l(buddy|megabuddy)(;|$)" "-l:lib\\1.a\\2" static "${static}") # the linker prefers NAME.so
foreach(kind shared static)
  execute_process(COMMAND ${C} -o ${WORK}/use ${SOURCE}/use.c ${${kind}} ${must})
  execute_process(COMMAND ${CMAKE_COMMAND} -E env LD_LIBRARY_PATH=${libraries} ${WORK}/use ${must})
  execute_process(COMMAND ${CXX} -std=c++17 -o ${WORK}/use_cpp ${SOURCE}/use.cpp ${${kind}} ${must})
  execute_process(COMMAND ${CMAKE_COMMAND} -E env LD_LIBRARY_PATH=${libraries} ${WORK}/use_cpp ${must})
endforeach()
