#include "agent/link/outgoing.hpp"

#include <algorithm>

#include "protocol/link/fit_result.hpp"

namespace edge::agent {
namespace {

constexpr std::size_t kBatch = 64 * 1024;          // of one message; a single large result may be more
constexpr std::size_t kProgressBytes = 64 * 1024;  // that may wait before new progress is dropped
constexpr std::size_t kEarlyBatch = 16 * 1024;     // of a message, for results that go before older ones
constexpr std::string_view kResultBegins = R"({"t":"res",)";

/// Bytes; of a message with more than one envelope in it.
std::size_t most_of_a_batch(const LinkFsm& fsm) {
    return std::min(kBatch, fsm.max_message());
}

void add_line(std::string& message, const std::string& line) {
    if (!message.empty()) message.push_back('\n');
    message.append(line);
}

}  // namespace

void Outgoing::show(const link::Progress& progress, const LinkFsm& fsm) {
    if (!fsm.live() || progress_bytes_ > kProgressBytes) return;
    std::string line = encode_envelope(progress);
    if (line.size() >= most_of_a_batch(fsm)) return;  // would never be taken, and hold up all behind it
    progress_bytes_ += line.size();
    progress_.push_back(std::move(line));
}

void Outgoing::clear() {
    lines_.clear();
    progress_.clear();
    progress_bytes_ = 0;
}

Result<std::string> Outgoing::take(LinkFsm& fsm, Spool& spool) {
    std::string message;
    const std::size_t most = most_of_a_batch(fsm);
    while (!lines_.empty() && (message.empty() || message.size() + lines_.front().size() < most)) {
        add_line(message, lines_.front());
        lines_.pop_front();
    }
    if (lines_.empty()) {
        EDGE_TRY(add_early(message, fsm, spool));
        EDGE_TRY(add_results(message, fsm, spool));
    }
    while (!progress_.empty() && message.size() + progress_.front().size() < most) {
        progress_bytes_ -= progress_.front().size();
        add_line(message, progress_.front());
        progress_.pop_front();
    }
    return message;
}

/// What came since the session began waits behind all that came before: a copy of it goes first, once. One that is
/// large waits for its turn.
Result<> Outgoing::add_early(std::string& message, LinkFsm& fsm, Spool& spool) const {
    std::size_t room = std::min(kEarlyBatch, most_of_a_batch(fsm) / 4);
    while (const auto n = fsm.next_early(spool.last())) {
        const std::size_t bytes = spool.result_bytes(*n) + 16;
        const bool is_small = bytes <= kEarlyBatch && bytes <= most_of_a_batch(fsm) / 4;
        if (is_small && (bytes > room || message.size() + bytes >= most_of_a_batch(fsm))) return ok();
        fsm.early_sent(*n);
        if (!is_small) continue;
        EDGE_TRY(auto result, spool.result(*n));
        if (!result.starts_with(kResultBegins)) continue;
        result.insert(kResultBegins.size(), R"("early":true,)");
        room -= bytes;
        add_line(message, result);
    }
    return ok();
}

Result<> Outgoing::add_results(std::string& message, LinkFsm& fsm, Spool& spool) const {
    while (const auto n = fsm.next_result(spool.last())) {
        const std::size_t bytes = std::min(spool.result_bytes(*n), fsm.max_message());
        if (!fsm.has_credit(bytes) || (!message.empty() && message.size() + bytes + 1 > most_of_a_batch(fsm)))
            return ok();
        EDGE_TRY(auto result, spool.result(*n));
        // It was spooled for a session that took more; sent as it is, it would be refused and sent again for ever.
        if (result.size() > fsm.max_message()) {
            EDGE_TRY(result, link::fit_result(result, fsm.max_message()));
        }
        fsm.result_sent(*n, result.size());
        add_line(message, result);
    }
    return ok();
}

}  // namespace edge::agent
