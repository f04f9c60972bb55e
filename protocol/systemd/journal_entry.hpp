// A log line as an entry of the journal. Pure. Source: systemd's JOURNAL_NATIVE_PROTOCOL.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace edge::systemd {

/// What a line of the form `event key=value key="value with spaces"` says. A line of another form has no event.
struct LogFields {
    std::string_view event;
    std::vector<std::pair<std::string_view, std::string_view>> fields;  // each key once, the first counts
};
LogFields fields_of(std::string_view line);

/// The datagram: MESSAGE, PRIORITY, SYSLOG_IDENTIFIER, EDGE_EVENT, and EDGE_KEY for each of the line's fields.
/// `priority`: 0 to 7, as syslog(3) counts.
std::string journal_entry(std::string_view program, int priority, std::string_view line);

}  // namespace edge::systemd
