#include "cli/commands/complete.hpp"

#include <cstdio>
#include <set>

#include "cli/command_line.hpp"
#include "cli/commands/things.hpp"

namespace edge::cli {
namespace {

constexpr std::chrono::milliseconds kPatience{200};  // of somebody who has pressed a key
constexpr const char* kMost = "?limit=200";

std::string path_of(const std::string& things) {
    return "/api/v1/" + (things == "tokens" ? "join-tokens" : things) + kMost;
}

/// Nodes and lines have names; runs, jobs and tokens are told by their ids.
std::set<std::string> names_from(const std::string& things, const Environment& environment) {
    std::set<std::string> names;
    Signals signals;
    Client client(environment, signals);
    const auto until = Client::Clock::now() + kPatience;
    const auto reply = client.call({.path = path_of(things)}, [&] { return Client::Clock::now() < until; });
    if (!reply || reply.value().status != 200) return names;
    const auto list = json_of(reply.value().body);
    if (!list) return names;
    const char* key = things == "nodes" || things == "lines" ? "name" : "id";
    for (const auto& item : member(list.value(), "items")) names.insert(printable(text_at(item, key)));
    return names;
}

}  // namespace

void complete(const std::vector<std::string>& words, const Answer<Environment>& environment) {
    const auto found = complete_command_line(words);
    for (const auto& [word, said] : found.words)
        std::printf("%s%s%s\n", word.c_str(), said.empty() ? "" : "\t", said.c_str());
    if (found.names_of.empty() || !environment) return;
    for (const auto& name : names_from(found.names_of, environment.value()))
        if (name.starts_with(words.back())) std::printf("%s\n", name.c_str());
}

}  // namespace edge::cli
