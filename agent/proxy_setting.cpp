#include "agent/proxy_setting.hpp"

#include <cerrno>
#include <fstream>
#include <iterator>

#include "protocol/systemd/credentials.hpp"

namespace edge::agent {
namespace {

constexpr std::size_t kMostPassword = 1024;

Result<std::string> password_in(const std::string& setting) {
    EDGE_TRY(const auto file, systemd::file_of(setting));
    errno = 0;
    std::ifstream stream(file, std::ios::binary);
    if (!stream) return os_error(errno, file, "cannot be read; see [link] proxy_password_file");
    std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    if (text.empty() || text.size() > kMostPassword || text.find_first_of("\r\n") != std::string::npos)
        return Error{Errc::bad_value, file, "expected one line, the proxy's password, and nothing else"};
    return text;
}

}  // namespace

Result<std::optional<Proxy>> proxy_of(const LinkTable& link) {
    if (link.proxy.empty()) return std::optional<Proxy>();
    EDGE_TRY(auto proxy, parse_proxy_url(link.proxy));
    if (!link.proxy_password_file.empty()) {
        EDGE_TRY(proxy.password, password_in(link.proxy_password_file));
    }
    return std::optional(std::move(proxy));
}

}  // namespace edge::agent
