#include "agent/settings_file.hpp"

#include <cerrno>
#include <fstream>
#include <sstream>

#include "agent/exit_status.hpp"
#include "agent/health/prefix_scan.hpp"

namespace edge::agent {

Result<std::string> settings_text(const std::string& file) {
    errno = 0;
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    if (stream) text << stream.rdbuf();  // `text` fails for an empty file as well: errno tells
    if (errno == 0) return text.str();
    return os_error(errno, file, "cannot be read; name agent.toml with --config FILE");
}

std::variant<Settings, int> load_settings(const std::string& file) {
    const auto text = settings_text(file);
    if (!text) return complain(exit_no_input, text.error().message());
    auto settings = parse_settings(text.value(), file);
    std::vector<Error> problems;
    if (!settings) {
        problems = std::move(settings.error());
    } else if (const std::string& prefixes = settings.value().health.prefix_file; !prefixes.empty()) {
        problems = check_prefix_file(prefixes);
    }
    if (settings && problems.empty()) return std::move(settings.value());
    for (const Error& problem : problems) complain(exit_config, problem.message());
    return exit_config;
}

}  // namespace edge::agent
