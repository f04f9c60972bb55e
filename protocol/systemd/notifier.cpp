#include "protocol/systemd/notifier.hpp"

#include <spdlog/logger.h>
#include <unistd.h>

#include <cstdint>
#include <ctime>

#include "protocol/systemd/environment.hpp"

namespace edge::systemd {
namespace {

constexpr std::size_t kLongestStatus = 512;

/// On one line, because the next one would be an assignment of its own; in ASCII, because what is not UTF-8 is refused,
/// and a reason may be a peer's words.
std::string one_line(std::string_view text) {
    std::string line(text.substr(0, kLongestStatus));
    for (char& c : line)
        if (c < ' ' || c > '~') c = '?';
    return line;
}

}  // namespace

NotifyTerms take_notify_terms() {
    NotifyTerms terms;
    terms.socket = take_variable("NOTIFY_SOCKET").value_or("");
    const auto limit = number_in(take_variable("WATCHDOG_USEC").value_or(""));
    const auto whose = take_variable("WATCHDOG_PID");
    const bool is_ours = !whose || number_in(*whose) == static_cast<std::uint64_t>(::getpid());
    if (limit && *limit >= 2 && is_ours) terms.feed_each = std::chrono::microseconds(*limit / 2);
    return terms;
}

Notifier::Notifier(NotifyTerms terms, spdlog::logger& log) : log_(log) {
    if (terms.socket.empty()) return;
    sender_.emplace(std::move(terms.socket));
    feed_each_ = terms.feed_each;
}

void Notifier::ready(std::string_view status) {
    say("READY=1\nSTATUS=" + one_line(status), WhenFull::wait);
}

void Notifier::status(std::string_view status) {
    say("STATUS=" + one_line(status));
}

void Notifier::reloading() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const auto us = std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
    say("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(us), WhenFull::wait);
}

void Notifier::stopping(std::string_view status) {
    say("STOPPING=1\nSTATUS=" + one_line(status));
}

void Notifier::feed() {
    say("WATCHDOG=1");
}

void Notifier::extend(std::chrono::microseconds by) {
    say("EXTEND_TIMEOUT_USEC=" + std::to_string(by.count()));
}

void Notifier::say(const std::string& assignments, WhenFull when_full) {
    if (!sender_) return;
    const auto sent = sender_->send(assignments, when_full);
    if (sent || told_.exchange(true)) return;
    log_.error("service_manager_unreachable why=\"{}\" consequence=\"it does not know how we do\"",
               sent.error().message());
}

}  // namespace edge::systemd
