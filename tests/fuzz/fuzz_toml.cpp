// A configuration file, and all that may be wrong with it.
#include "protocol/config/toml.hpp"
#include "tests/fuzz/property.hpp"

namespace {

struct Inner {
    static constexpr bool fields_have_defaults = true;
    std::string name;
    std::uint16_t port = 1;
    std::map<std::string, std::string> labels;
};
BOOST_DESCRIBE_STRUCT(Inner, (), (name, port, labels))

struct Config {
    static constexpr bool fields_have_defaults = true;
    Inner api;
    std::vector<Inner> line;
    std::map<std::string, Inner> by_name;
    std::vector<double> numbers;
    std::optional<bool> flag;
};
BOOST_DESCRIBE_STRUCT(Config, (), (api, line, by_name, numbers, flag))

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto config = edge::decode_toml<Config>(edge::fuzz::text_of(data, size), "f.toml");
    if (config) return 0;
    edge::fuzz::demand(!config.error().empty() && config.error().size() <= 20,
                       "a file is refused for a reason, and for twenty at most");
    for (const auto& problem : config.error()) {
        edge::fuzz::demand(problem.where.starts_with("f.toml"), "a problem says where");
        edge::fuzz::demand(problem.message().find('\n') == std::string::npos, "a problem is one line");
    }
    return 0;
}
