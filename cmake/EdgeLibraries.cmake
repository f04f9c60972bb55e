# Libraries from Debian 12. Boost is 1.81: the default 1.74 has no working coroutines with g++ 12.
find_package(Boost 1.81 REQUIRED COMPONENTS url)
find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(CURL REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(spdlog REQUIRED)
find_package(doctest REQUIRED)
find_package(SQLiteCpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(cares REQUIRED IMPORTED_TARGET libcares)
pkg_check_modules(ldns REQUIRED IMPORTED_TARGET ldns)
pkg_check_modules(cap REQUIRED IMPORTED_TARGET libcap)
pkg_check_modules(mnl REQUIRED IMPORTED_TARGET libmnl)
pkg_check_modules(seccomp REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(re2 REQUIRED re2) # by its file: the target would bring -pthread, which the plain header was not made with
pkg_check_modules(yaml_cpp REQUIRED IMPORTED_TARGET yaml-cpp)
pkg_check_modules(sqlite3 REQUIRED IMPORTED_TARGET sqlite3)

# Asio and Beast compiled once; whoever links these gets declarations only.
add_library(edge_asio STATIC cmake/asio.cpp)
target_compile_definitions(edge_asio PUBLIC BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE)
# spdlog is in the precompiled header: who reuses that needs its definitions.
target_link_libraries(edge_asio PUBLIC Boost::headers OpenSSL::SSL OpenSSL::Crypto Threads::Threads spdlog::spdlog PRIVATE edge_flags)
target_precompile_headers(edge_asio PRIVATE cmake/pch_asio.hpp)

add_library(edge_beast STATIC cmake/beast.cpp)
target_compile_definitions(edge_beast PUBLIC BOOST_BEAST_SEPARATE_COMPILATION)
target_link_libraries(edge_beast PUBLIC edge_asio PRIVATE edge_flags)

# What parses slowly and is included nearly everywhere, precompiled. A target takes one of the two:
#   target_precompile_headers(x REUSE_FROM edge_plain)   cores, codecs, what needs no Asio
#   target_precompile_headers(x REUSE_FROM edge_asio)    shells
add_library(edge_plain STATIC cmake/plain.cpp)
target_link_libraries(edge_plain PUBLIC Boost::headers nlohmann_json::nlohmann_json PRIVATE edge_flags)
target_precompile_headers(edge_plain PRIVATE cmake/pch_plain.hpp)
