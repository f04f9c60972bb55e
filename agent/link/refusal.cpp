#include "agent/link/refusal.hpp"

#include <algorithm>
#include <charconv>

namespace edge::agent {

std::string refusal_text(unsigned http_status) {
    std::string text = "the broker answered HTTP " + std::to_string(http_status);
    const bool is_of_portals = http_status / 100 == 2 || http_status == 401 || http_status == 407 || http_status == 511;
    if (http_status / 100 == 3) text += ", a redirect, which is not followed";
    if (is_of_portals) text += ", as a portal or a proxy before it does";
    return text;
}

bool is_busy(unsigned http_status) {
    return http_status == 429 || http_status == 503;
}

std::chrono::milliseconds wait_asked(unsigned http_status, std::string_view retry_after) {
    unsigned seconds = 0;
    if (is_busy(http_status)) std::from_chars(retry_after.data(), retry_after.data() + retry_after.size(), seconds);
    return std::chrono::seconds(std::min(seconds, 3600U));
}

}  // namespace edge::agent
