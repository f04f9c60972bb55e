#include "protocol/systemd/credentials.hpp"

#include <unistd.h>

#include <cstdlib>

namespace edge::systemd {
namespace {
constexpr std::string_view kPrefix = "credential:";
}

bool is_credential(std::string_view setting) {
    return setting.starts_with(kPrefix);
}

Result<std::string> file_of(const std::string& setting) {
    if (!is_credential(setting)) return setting;
    const std::string name = setting.substr(kPrefix.size());
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
        return Error{Errc::bad_value, setting,
                     "expected credential:NAME, the NAME of a unit's LoadCredential=NAME:FILE"};
    const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
    if (folder == nullptr || *folder == '\0')
        return Error{
            Errc::not_found, setting,
            "nothing was handed over; start it by a unit that says LoadCredential=" + name + ":FILE, or name a file"};
    const std::string file = std::string(folder) + "/" + name;
    if (::access(file.c_str(), F_OK) == 0) return file;
    return Error{Errc::not_found, setting,
                 "is not in " + std::string(folder) + "; add LoadCredential=" + name + ":FILE to the unit"};
}

}  // namespace edge::systemd
