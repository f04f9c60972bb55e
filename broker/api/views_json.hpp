// What the domain shows, as the API's JSON: all of it in one place, so that REST and SSE cannot differ.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "broker/domain/views.hpp"
#include "protocol/json/bounded.hpp"

namespace edge::broker::api {

/// A level as policies and `edge-agent doctor` name it; empty for none.
std::string_view level_name(EnforcedBy level);

Json to_json(const NodeRef& node);
Json to_json(const LineRef& line);
Json to_json(const RunView& run);
Json to_json(const JobView& job);
Json to_json(const TaskView& task);
Json to_json(const NodeView& node);
Json to_json(const NodeEvent& event);
Json to_json(const JoinTokenView& token);
Json to_json(const RunProgress& progress);
/// A line of a node, with the node it is of.
Json line_json(const NodeRef& node, const link::LineReport& line);

/// How a node does and what it used in its last minute, for a list; a line of it; all that is known of it.
Json usage_json(const UsageView& usage);
Json usage_json(const UsageView& usage, const link::LineUsage& line);
Json whole_usage_json(const UsageView& usage);

/// Text, because the detail is put in as it was stored, without being parsed. On one line.
std::string result_text(const ResultView& result);

/// `{"items":[…],"total":…,"next_cursor":…}` of texts.
std::string page_text(const std::vector<std::string>& items, const std::optional<std::string>& next_cursor,
                      std::optional<std::uint64_t> total = {});

/// `{…,"name":value}`: a member added to an object's text.
std::string with_member(std::string object, std::string_view name, std::string_view value);

}  // namespace edge::broker::api
