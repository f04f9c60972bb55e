// A run as server-sent events: what is, what was, what happens, and an end.
#pragma once
#include <memory>

#include "broker/domain/domain.hpp"
#include "broker/http/http.hpp"

namespace edge::broker::live {

/// Answers the exchange: with the stream, or with what `problem` makes of the domain's refusal. From any thread.
/// Order:  `run` with the first 500 tasks as `tasks_list`, the others as `task` when the client has read what came
///         before; a `result` for each there is; then `task`, `progress`, `result` as they happen; `run` again when it
///         has finished; end. A slow client loses progress, told by `gap`; when even results would pile up, `overflow`
///         is the last event.
/// Source: WHATWG HTML section 9.2.
void stream_run(std::shared_ptr<http::Exchange> exchange, Domain& domain, RunId run,
                std::function<http::Response(const Error&)> problem);

/// One event's text. Pure.
std::string event_text(std::string_view name, std::uint64_t id, std::string_view data);

}  // namespace edge::broker::live
