# How everything of ours is compiled. Targets take it by linking edge_flags PRIVATE.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# Programs are compiled as libraries are, so that one precompiled header serves both.
set(CMAKE_CXX_COMPILE_OPTIONS_PIE "-fPIC")

set(EDGE_SANITIZE "" CACHE STRING "Value for -fsanitize=, or empty")
set(EDGE_BIN_DIR "${PROJECT_BINARY_DIR}/bin" CACHE PATH "Where programs are put")
option(EDGE_FUZZ "Build the libFuzzer targets (clang)" OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${EDGE_BIN_DIR}")

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1 ${CCACHE})
endif()

add_library(edge_flags INTERFACE)
target_include_directories(edge_flags INTERFACE "${PROJECT_SOURCE_DIR}")
target_compile_definitions(edge_flags INTERFACE EDGE_VERSION="${PROJECT_VERSION}")
target_compile_options(edge_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
  -fstack-protector-strong -fstack-clash-protection -fcf-protection)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(edge_flags INTERFACE -Werror=unused-result -fpch-preprocess)
else()
  # clang's -Wconversion is about signs as well, which gcc's is not in C++: one warning level for both.
  target_compile_options(edge_flags INTERFACE -Wno-unused-command-line-argument -Wno-missing-braces -Wno-sign-conversion)
endif()
target_link_options(edge_flags INTERFACE -pie -Wl,-z,relro,-z,now)

# gcc 12 at -O2 reports paths inside Boost.Outcome and std::variant that cannot happen; nothing of ours is exempted in the dev preset.
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(edge_flags INTERFACE -Wno-maybe-uninitialized -Wno-mismatched-new-delete -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
endif()

if(EDGE_SANITIZE)
  target_compile_options(edge_flags INTERFACE -fsanitize=${EDGE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(edge_flags INTERFACE -fsanitize=${EDGE_SANITIZE})
  target_compile_definitions(edge_flags INTERFACE EDGE_SANITIZED=1)
  set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")
  if(EDGE_FUZZ)
    target_compile_options(edge_flags INTERFACE -fsanitize=fuzzer-no-link)
    target_compile_definitions(edge_flags INTERFACE _GLIBCXX_ASSERTIONS) # what ASan cannot see: an index within a string's capacity
    # Asserts stay in; clang takes a third longer at -O2, and what is fuzzed is not a third faster.
    set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -gline-tables-only")
  else()
    # A third of what gcc takes: a look at each pointer. ASan sees a null that is followed; what is misaligned only clang's
    # fuzz targets see, in the decoders.
    target_compile_options(edge_flags INTERFACE -fno-sanitize=null,alignment)
    target_link_options(edge_flags INTERFACE -fuse-ld=gold) # in half the time
  endif()
else()
  target_compile_definitions(edge_flags INTERFACE _FORTIFY_SOURCE=2 _GLIBCXX_ASSERTIONS)
  set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
endif()
