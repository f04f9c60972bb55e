// What edgectl can do: each command as values, read from the command line and then carried out. Its file in this folder
// has its flags, its checks and what it does.
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
#include "protocol/probes/spec.hpp"

namespace edge::cli {

class Client;
class Syntax;

/// The broker's, where a request names none. Source: broker/api/openapi.json, JobRequest.
constexpr std::uint32_t kStartWithinMs = 60'000;

/// `edgectl ping 192.0.2.1 from telecom -node:gz-1 --count 3`; dns and http as well.
struct ProbeCommand {
    Service service = Service::ping;
    Json params = Json::object();  // only what was given; the broker knows the defaults
    std::string selector;
    std::map<std::string, std::string> labels;
    std::optional<std::uint32_t> start_within_ms;
    std::optional<std::uint32_t> run_within_ms;
    std::string when_unknown;  // wait, elsewhere, fail; empty: the broker's default
    std::optional<std::uint32_t> repeat;
    bool align = false;
    Json schedule;              // as the API has it; null: once
    std::string require_level;  // bpf-guard, nft-guard, cooperative; empty: any
    std::optional<std::chrono::milliseconds> timeout;
    FailOn fail_on = FailOn::any;
    Format format = Format::table;
    static void add_to(Syntax& edgectl);
    Answer<ExitCode> carry_out(Client& client, const Screen& screen) const;
};

enum class Kind { nodes, lines, runs, jobs, tokens };
struct GetCommand {
    Kind kind = Kind::nodes;
    std::string query;  // of all but tokens
    std::string sort;   // of nodes and lines
    std::optional<std::uint32_t> limit;
    Format format = Format::table;
    static void add_to(Syntax& edgectl);
    Answer<ExitCode> carry_out(Client& client, const Screen& screen) const;
};
struct DescribeCommand {
    Kind kind = Kind::nodes;  // nodes, lines, runs or jobs
    std::string id;
    bool follow = false;
    std::optional<std::chrono::milliseconds> timeout;
    FailOn fail_on = FailOn::any;
    Format format = Format::table;
    static void add_to(Syntax& edgectl);
    Answer<ExitCode> carry_out(Client& client, const Screen& screen) const;
};
/// Who uses most, by their last minute. On a terminal painted again until Ctrl-C, elsewhere told once.
struct TopCommand {
    Kind kind = Kind::nodes;  // nodes or lines
    std::string sort;         // empty: the broker's first
    std::optional<std::uint32_t> limit;
    Format format = Format::table;
    static void add_to(Syntax& edgectl);
    Answer<ExitCode> carry_out(Client& client, const Screen& screen) const;
};
struct CancelCommand {
    std::string run_id;
    Format format = Format::table;
    static void add_to(Syntax& edgectl);
    Answer<ExitCode> carry_out(Client& client, const Screen& screen) const;
};
/// Of a recurring job: `edgectl pause job_…`, resume and delete as well.
struct JobCommand {
    enum class Act { pause, resume, remove };
    Act act = Act::pause;
    std::string id;
    Format format = Format::table;
    static void add_to(Syntax& edgectl);
    Answer<ExitCode> carry_out(Client& client, const Screen& screen) const;
};
/// What an operator decides about a node: `edgectl revoke gz-1`, approve, reject and rotate as well.
struct NodeCommand {
    enum class Act { revoke, approve, reject, rotate_key };
    Act act = Act::revoke;
    std::string node;    // its name or id
    std::string reason;  // of revoke and reject
    Format format = Format::table;
    static void add_to(Syntax& edgectl);
    Answer<ExitCode> carry_out(Client& client, const Screen& screen) const;
};
/// What a join token is good for.
struct TokenTerms {
    std::optional<std::string> node;  // none: any
    std::optional<std::uint32_t> uses;
    std::vector<std::string> cidrs;
    std::map<std::string, std::string> labels;
    bool approve = false;
    std::optional<std::uint64_t> ttl_ms;
};
struct TokenCommand {
    enum class Act { create, revoke };
    Act act = Act::create;
    std::string id;    // of revoke
    TokenTerms terms;  // of create
    Format format = Format::table;
    static void add_to(Syntax& edgectl);
    Answer<ExitCode> carry_out(Client& client, const Screen& screen) const;
};
/// `edgectl enroll-batch nodes.csv --out tokens.csv`.
struct EnrollBatchCommand {
    std::string file, out;
    bool one_token = false;
    TokenTerms terms;  // of each
    static void add_to(Syntax& edgectl);
    Answer<ExitCode> carry_out(Client& client, const Screen& screen) const;
};
/// `edgectl webhook create https://ops.example/edge --event io.edge.result.v1`.
struct WebhookCommand {
    enum class Act { create, list, describe, enable, disable, rotate, test, replay, deliveries, remove, listen };
    Act act = Act::list;
    std::string id;   // of a webhook; of a delivery, too, for describe and replay
    std::string url;  // of create
    std::string description, selector, state;
    std::vector<std::string> events;
    std::optional<std::uint32_t> limit;
    Format format = Format::table;
    static void add_to(Syntax& edgectl);
    Answer<ExitCode> carry_out(Client& client, const Screen& screen) const;

  private:
    Answer<ExitCode> do_it(Client& client, const Screen& screen) const;
};
struct ApiCommand {
    std::string path;
    static void add_to(Syntax& edgectl);
    Answer<ExitCode> carry_out(Client& client, const Screen& screen) const;
};
struct VersionCommand {
    static void add_to(Syntax& edgectl);
    Answer<ExitCode> carry_out(Client& client, const Screen& screen) const;
    ExitCode without_broker(const Screen& screen) const;
};
/// --help, help: the text is the answer.
struct HelpCommand {
    std::string text;
    static void add_to(Syntax& edgectl);
    Answer<ExitCode> carry_out(Client& client, const Screen& screen) const;
    ExitCode without_broker(const Screen& screen) const;
};

/// All of them, in the order of edgectl's help. Who is not here is no command.
using Command =
    std::variant<ProbeCommand, GetCommand, DescribeCommand, TopCommand, CancelCommand, JobCommand, NodeCommand,
                 TokenCommand, EnrollBatchCommand, WebhookCommand, ApiCommand, VersionCommand, HelpCommand>;

}  // namespace edge::cli
