#include "protocol/json/text.hpp"

#include <algorithm>

namespace edge::described {
namespace {

bool stands_for_itself(char c) {
    return c >= 0x20 && c != '"' && c != '\\';  // bytes of UTF-8 sequences are negative
}

}  // namespace

void write_string(std::string& out, std::string_view text) {
    static_assert(std::is_signed_v<char>);
    if (std::all_of(text.begin(), text.end(), stands_for_itself)) {
        out.append(1, '"').append(text).append(1, '"');
    } else {
        out.append(dump_json(Json(std::string(text))));
    }
}

}  // namespace edge::described
