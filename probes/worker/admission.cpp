#include "probes/worker/admission.hpp"

#include <strings.h>

namespace edge::probes {
namespace {

// Measured with libcurl 7.88, OpenSSL 3.0 and glibc 2.36, resident bytes of 64 at once: a transfer over TLS takes 77
// KiB; 56 KiB of headers add 225 (libcurl's copy, ours, the report's as a tree and as text; HTTP/2 has one copy more),
// 64 KiB of body 220, the largest chain of certificates 160, and a session ticket may have 64.
constexpr std::size_t kTransfer = 80 * 1024;
constexpr std::size_t kTls = 224 * 1024;
constexpr std::size_t kHead = 320 * 1024;  // for the 64 KiB that are read at most
constexpr std::size_t kTimesBody = 4;
// A UDP answer may send us to TCP, where a message has 64 KiB; the records that are kept are as much again.
constexpr std::size_t kQuery = 144 * 1024;
constexpr std::size_t kPing = 8 * 1024;
constexpr std::size_t kReply = 320;  // as counted, as told and as written

}  // namespace

std::size_t most_bytes(const ProbeSpec& spec) {
    struct {
        std::size_t operator()(const DnsSpec&) const { return kQuery; }
        std::size_t operator()(const HttpSpec& http) const {
            const bool may_be_tls = http.redirects > 0 || strncasecmp(http.target.c_str(), "https:", 6) == 0;
            return kTransfer + kHead + (may_be_tls ? kTls : 0) + kTimesBody * http.keep_body_bytes + http.body.size();
        }
        std::size_t operator()(const PingSpec& ping) const { return kPing + kReply * ping.count; }
    } visitor;
    return std::visit(visitor, spec);
}

void Admission::wait(std::uint64_t task, const ProbeSpec& spec) {
    const bool is_http = service_of(spec) == Service::http;
    tasks_[task] = Task{most_bytes(spec), is_http, false};
    (is_http ? http_ : others_).push_back(task);
}

bool Admission::has_room(const Task& task, std::size_t unsent) const {
    const std::size_t http = http_bytes_ + unsent + task.bytes;
    return (!task.is_http || http <= kHttp) && all_bytes_ + unsent + task.bytes <= kAll;
}

std::optional<std::uint64_t> Admission::next_of(std::deque<std::uint64_t>& queue, std::size_t unsent) {
    const auto waits = [this](std::uint64_t number) {
        const auto at = tasks_.find(number);
        return at != tasks_.end() && !at->second.is_running;
    };
    while (!queue.empty() && !waits(queue.front())) queue.pop_front();
    if (queue.empty()) return std::nullopt;
    const std::uint64_t number = queue.front();
    Task& task = tasks_.at(number);
    if (!has_room(task, unsent)) return std::nullopt;
    queue.pop_front();
    task.is_running = true;
    ++running_;
    all_bytes_ += task.bytes;
    if (task.is_http) http_bytes_ += task.bytes;
    return number;
}

std::optional<std::uint64_t> Admission::next(std::size_t unsent) {
    const auto other = next_of(others_, unsent);
    return other ? other : next_of(http_, unsent);
}

void Admission::leave(std::uint64_t task) {
    const auto at = tasks_.find(task);
    if (at == tasks_.end()) return;
    if (at->second.is_running) {
        --running_;
        all_bytes_ -= at->second.bytes;
        if (at->second.is_http) http_bytes_ -= at->second.bytes;
    }
    tasks_.erase(at);
}

}  // namespace edge::probes
