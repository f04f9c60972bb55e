#pragma once
#include <string>
#include <string_view>

#include "broker/http/http.hpp"

namespace edge::http {

/// Its value, "" without it.
inline std::string header(const Response& response, std::string_view name) {
    for (const auto& [key, value] : response.headers) {
        if (key == name) return value;
    }
    return {};
}

}  // namespace edge::http
