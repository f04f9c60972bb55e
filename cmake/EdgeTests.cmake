# edge_unit_test(NAME SOURCES a.cpp b.cpp LINK lib...): one doctest executable, one CTest entry with label "unit".
# What links edge_asio says so, and then reuses its precompiled header; the others take the plain one.
function(edge_unit_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  set(main "${PROJECT_SOURCE_DIR}/tests/unit/main.cpp")
  add_executable(${name} ${ARG_SOURCES} "${main}")
  set_source_files_properties("${main}" PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON) # it is doctest itself
  target_link_libraries(${name} PRIVATE edge_flags doctest::doctest ${ARG_LINK})
  edge_precompile_test(${name} "${ARG_LINK}")
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 600
    ENVIRONMENT "ASAN_OPTIONS=abort_on_error=1;UBSAN_OPTIONS=print_stacktrace=1")
endfunction()

function(edge_precompile_test name libraries)
  if("edge_asio" IN_LIST libraries)
    target_precompile_headers(${name} REUSE_FROM edge_asio)
  else()
    target_precompile_headers(${name} REUSE_FROM edge_plain)
  endif()
endfunction()

# edge_lab_test(NAME label SCRIPT [lab options...]): a script that runs beside a broker and enrolled nodes, as
# `./dev lab` runs a command. Without root it is skipped. Workers under a sanitizer need room for its shadow.
function(edge_lab_test name label script)
  set(memory 64)
  if(EDGE_SANITIZE)
    set(memory 512)
  endif()
  add_test(NAME ${name} COMMAND "${PROJECT_SOURCE_DIR}/tests/lab/run" --bin "${EDGE_BIN_DIR}" --worker-memory-mb ${memory}
    ${ARGN} -- /usr/bin/python3 -B "${CMAKE_CURRENT_SOURCE_DIR}/${script}")
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT 300 SKIP_RETURN_CODE 77)
endfunction()
