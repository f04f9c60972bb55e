// Reading what the API says of nodes, lines, runs and jobs for people: a member that is missing, or of a kind this
// edgectl does not know, shows as nothing.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/api/client.hpp"
#include "cli/show/run_view.hpp"
#include "protocol/json/bounded.hpp"

namespace edge::cli {

std::string text_at(const Json& object, const char* key);
std::optional<std::uint64_t> number_at(const Json& object, const char* key);
/// The member, or null. Lives as long as the object does.
const Json& member(const Json& object, const char* key);
/// An array of strings, joined by ", ".
std::string list_at(const Json& object, const char* key);
/// An object of strings, as --label takes them: `a=b, c=d`.
std::string labels_at(const Json& object, const char* key);
/// … as a selector asks for them: `a:b c:d`.
std::string terms_at(const Json& object, const char* key);
/// Microseconds as a duration.
std::string duration_at(const Json& object, const char* key);
/// How long ago a time was.
std::string age_at(const Json& object, const char* key);
/// A time, and how long ago it was.
std::string time_and_age(const Json& object, const char* key);
std::int64_t now_seconds();

/// The answer's JSON; every other status than `expected` is Trouble.
Answer<Json> asked(Client& client, const std::string& method, const std::string& path, int expected,
                   const Json& body = {});

/// Where a run is wanted: what else the id is of, and how its run is come by. Nothing where it may be a run's.
std::optional<Trouble> no_run(const std::string& id, Client& client);

Tone tone_of_state(std::string_view state);

/// An array a line an item, or a line an item.
std::string json_text(const std::vector<Json>& items, Format format);

}  // namespace edge::cli
