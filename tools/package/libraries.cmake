# megabuddy_libraries(TARGET OBJECTS NAME MORE…): the two libraries that are installed, libNAME.a as TARGET and libNAME.so
# as TARGET_shared, of the objects of the static library OBJECTS and of MORE. In OBJECTS every function can be seen, and
# tests link that. In the other two only what public headers declare can be seen: all of it is compiled with hidden
# names, and public headers make theirs visible. A shared library drops hidden names by itself. In a static one they
# would still get in the way of a program's own, so its objects become a single one, in which they are local. Sections
# of functions stay apart (--unique: those of the same name in two files too), so that --gc-sections still drops what
# nobody calls. What compilers put into every object for one of them to be kept (i386's get_pc_thunk) is no longer a group
# (--force-group-allocation): the linker of a program would keep its own, and ours is another by then.

# What their objects are compiled with.
function(megabuddy_library_objects)
  foreach(target ${ARGN})
    target_compile_options(${target} PRIVATE -fvisibility=hidden -ffunction-sections -fdata-sections)
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  endforeach()
endfunction()

function(megabuddy_libraries target objects name)
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.o)
  set(parts $<TARGET_OBJECTS:${objects}> ${ARGN})
  separate_arguments(flags NATIVE_COMMAND "${CMAKE_C_FLAGS}") # may choose the machine
  add_custom_command(OUTPUT ${object}
    COMMAND ${CMAKE_C_COMPILER} ${flags} -r -nostdlib -Wl,--unique,--force-group-allocation -o ${object} "${parts}"
    COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${object}
    DEPENDS "${parts}"
    COMMENT "Hiding what is private to ${name}" COMMAND_EXPAND_LISTS VERBATIM)
  set_source_files_properties(${object} PROPERTIES GENERATED ON EXTERNAL_OBJECT ON)
  add_library(${target} STATIC ${object})
  add_library(${target}_shared SHARED ${parts})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} EXPORT_NAME ${name} LINKER_LANGUAGE C)
  set_target_properties(${target}_shared PROPERTIES OUTPUT_NAME ${name} EXPORT_NAME shared LINKER_LANGUAGE C
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
    INSTALL_RPATH "$ORIGIN") # they need each other
  target_link_options(${target}_shared PRIVATE LINKER:--gc-sections)
  if(NOT MEGABUDDY_SANITIZE) # whose functions come with the program
    target_link_options(${target}_shared PRIVATE LINKER:--no-undefined)
  endif()
endfunction()

# How others find the library NAME: find_package by NAMEConfig.cmake, pkg-config by NAME.pc.in, both in the folder of the
# caller, and the export NAME.
include(CMakePackageConfigHelpers)
function(megabuddy_package name)
  set(folder ${CMAKE_INSTALL_LIBDIR}/cmake/${name})
  install(EXPORT ${name} NAMESPACE ${name}:: FILE ${name}Targets.cmake DESTINATION ${folder})
  write_basic_package_version_file(${name}ConfigVersion.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${name}Config.cmake ${CMAKE_CURRENT_BINARY_DIR}/${name}ConfigVersion.cmake DESTINATION ${folder})
  file(RELATIVE_PATH PACKAGE_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /) # so that it may be moved
  configure_file(${name}.pc.in ${name}.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()
