// What a person typed, as values. CLI11 stays behind this header.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cli/exit_codes.hpp"
#include "cli/run/run_state.hpp"
#include "cli/show/run_view.hpp"
#include "cli/show/style.hpp"
#include "protocol/probes/spec.hpp"

namespace edge::cli {

/// `edgectl ping 192.0.2.1 from telecom -node:gz-1 --count 3`
/// The broker's, where a request names none. Source: broker/api/openapi.json, JobRequest.
constexpr std::uint32_t kStartWithinMs = 60'000;

struct ProbeCommand {
    Service service = Service::ping;
    Json params = Json::object();  // only what was given; the broker knows the defaults
    std::string selector;
    std::map<std::string, std::string> labels;
    std::optional<std::uint32_t> start_within_ms;
    std::optional<std::uint32_t> repeat;
    std::optional<std::string> require_level;  // bpf-guard, nft-guard, cooperative
    std::optional<std::chrono::milliseconds> timeout;
    FailOn fail_on = FailOn::any;
    Format format = Format::table;
};

enum class Kind { nodes, lines, runs, jobs, tokens };
struct GetCommand {
    Kind kind = Kind::nodes;
    std::optional<std::size_t> limit;
    Format format = Format::table;
};
struct DescribeCommand {
    Kind kind = Kind::nodes;  // nodes, lines, runs or jobs
    std::string id;
    bool follow = false;
    std::optional<std::chrono::milliseconds> timeout;
    FailOn fail_on = FailOn::any;
    Format format = Format::table;
};
/// Who uses most, by their last minute.
struct TopCommand {
    Kind kind = Kind::nodes;  // nodes or lines
    std::string sort;         // empty: the broker's first
    std::size_t limit = 50;
    Format format = Format::table;
};
struct CancelCommand {
    std::string run_id;
    Format format = Format::table;
};
struct TokenCommand {
    std::optional<std::string> node;
    std::optional<std::uint64_t> ttl_ms;
    Format format = Format::table;
};
struct ApiCommand {
    std::string path;
};
struct VersionCommand {};
/// --help, help: the text is the answer.
struct HelpCommand {
    std::string text;
};

using Command = std::variant<ProbeCommand, GetCommand, DescribeCommand, TopCommand, CancelCommand, TokenCommand,
                             ApiCommand, VersionCommand, HelpCommand>;

struct Invocation {
    Command command;
    ColourChoice colour = ColourChoice::automatic;
};

/// Errors: usage, saying what is wrong and where to read more.
Answer<Invocation> parse_command_line(std::vector<std::string> arguments);

}  // namespace edge::cli
