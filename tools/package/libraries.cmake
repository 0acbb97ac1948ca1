# megabuddy_libraries(NAME): the two libraries that are installed, NAME.a and NAME.so, of the objects of the library
# NAME_objects. That one shows every function, and tests link it. In the other two only what public headers declare can
# be seen: everything is compiled with hidden names, and headers make theirs visible. A shared library drops hidden
# names by itself. In a static one they would still get in the way of a program's own, so its objects become a single
# one, in which they are local. Sections of functions stay apart: --gc-sections still drops those that nobody calls.
function(megabuddy_libraries name)
  target_compile_options(${name}_objects PRIVATE -fvisibility=hidden -ffunction-sections -fdata-sections)
  set_target_properties(${name}_objects PROPERTIES POSITION_INDEPENDENT_CODE ON)

  set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.o)
  set(parts $<TARGET_OBJECTS:${name}_objects> ${ARGN})
  separate_arguments(flags NATIVE_COMMAND "${CMAKE_C_FLAGS}") # may choose the machine
  add_custom_command(OUTPUT ${object}
    COMMAND ${CMAKE_C_COMPILER} ${flags} -r -nostdlib -o ${object} "${parts}"
    COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${object}
    DEPENDS "${parts}"
    COMMENT "Hiding what is private to ${name}" COMMAND_EXPAND_LISTS VERBATIM)
  set_source_files_properties(${object} PROPERTIES GENERATED ON EXTERNAL_OBJECT ON)
  add_library(${name} STATIC ${object})
  set_target_properties(${name} PROPERTIES LINKER_LANGUAGE C)

  add_library(${name}_shared SHARED ${parts})
  set_target_properties(${name}_shared PROPERTIES OUTPUT_NAME ${name} EXPORT_NAME shared LINKER_LANGUAGE C
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
endfunction()
