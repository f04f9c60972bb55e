#include "protocol/schedule/plan_ids.hpp"

#include <string>

#include "protocol/crypto/keys.hpp"

namespace edge {
namespace {

void add(std::string& text, const Uuid& bytes) {
    text.append(bytes.begin(), bytes.end());
}
void add(std::string& text, std::uint64_t number) {
    for (int shift = 56; shift >= 0; shift -= 8) text += static_cast<char>(number >> shift & 0xff);
}

std::uint64_t number_of(const std::string& text) {
    const Digest digest = sha256(as_bytes(text));
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < 8; ++i) number = number << 8 | digest[i];
    return number;
}

}  // namespace

RunId planned_run(JobId job, std::uint64_t revision, std::uint64_t tick_us) {
    std::string text = "edge-run-v1";
    add(text, job.bytes);
    add(text, revision);
    add(text, tick_us);
    return RunId{make_uuid8(sha256(as_bytes(text)))};
}

TaskId planned_task(RunId run, NodeId node, const LineName& line, std::uint32_t repetition) {
    std::string text = "edge-task-v1";
    add(text, run.bytes);
    add(text, node.bytes);
    add(text, repetition);
    text += line.text();
    return TaskId{make_uuid8(sha256(as_bytes(text)))};
}

std::uint64_t phase_ms_of(JobId job, std::uint64_t every_ms) {
    std::string text = "edge-phase-v1";
    add(text, job.bytes);
    return number_of(text) % every_ms;
}

std::uint64_t jitter_us_of(JobId job, NodeId node, const LineName& line, std::uint64_t jitter_ms) {
    if (jitter_ms == 0) return 0;
    std::string text = "edge-jitter-v1";
    add(text, job.bytes);
    add(text, node.bytes);
    text += line.text();
    return number_of(text) % (jitter_ms * 1'000 + 1);
}

}  // namespace edge
