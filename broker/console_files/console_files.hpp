// The console's files, as they were built into the program, and how a request for one is answered.
#pragma once
#include <span>
#include <string_view>

#include "broker/http/http.hpp"

namespace edge::broker::console {

struct File {
    std::string_view path;  // as in a URL: "/assets/index-abc.js"
    std::string_view content_type;
    std::string_view hash;  // of the content, for its ETag
    std::string_view plain;
    std::string_view gzip;    // empty: not smaller than plain
    std::string_view brotli;  // the same
};

/// What was embedded when this was built, "/index.html" among it.
std::span<const File> embedded_files();

/// Pure. 404 as a problem where there is nothing.
http::Response answer(std::span<const File> files, const http::Request& request);

http::Handler make_handler();

}  // namespace edge::broker::console
