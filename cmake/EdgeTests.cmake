# edge_unit_test(NAME SOURCES a.cpp b.cpp LINK lib...): one doctest executable, one CTest entry with label "unit".
function(edge_unit_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES} "${PROJECT_SOURCE_DIR}/tests/unit/main.cpp")
  target_link_libraries(${name} PRIVATE edge_flags doctest::doctest ${ARG_LINK})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 120
    ENVIRONMENT "ASAN_OPTIONS=abort_on_error=1;UBSAN_OPTIONS=print_stacktrace=1")
endfunction()
