// What a worker reports, which parses hostile bytes and could lie: whatever it says becomes a result that the broker
// takes, and lines that drive no terminal.
#include "agent/workers/verdict.hpp"
#include "probes/by_hand/print.hpp"
#include "protocol/worker/frames.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

namespace {

void check_terminal(std::string_view text) {
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        fuzz::demand((byte >= 0x20 && byte != 0x7f) || c == '\n' || c == '\t', "no byte drives a terminal");
    }
}

link::Task task() {
    link::Task task;
    task.line = LineName::parse("telecom").value();
    task.params = Json{{"target", "192.0.2.1"}};
    return task;
}

void check_result(const ProbeReport& report) {
    std::vector<SocketPath> paths;
    for (const auto& socket : report.sockets) paths.push_back({socket, std::nullopt});
    const auto evidence = make_evidence({.name = "telecom", .ifname = "wan0"}, paths);
    fuzz::demand(!evidence.verified, "nothing is verified on the word of a worker alone");
    const agent::Span span{.queued_us = 1, .started_us = 10, .ended_us = 20};
    agent::Finished finished = agent::make_finished(task(), span, report, evidence);
    fuzz::demand(finished.result.started_us >= 10 && finished.result.started_us <= 20, "a worker dates nothing");
    const std::string message = link::encode_envelope(finished.result, finished.detail);
    fuzz::demand(message.size() <= link::kMaxMessage, "a result fits a message");
    const auto received = link::decode_message(message);
    fuzz::demand(received && received.value().size() == 1, "the broker takes it");
    fuzz::demand(received.value()[0].detail == finished.detail, "with its detail as it was");
}

void check_shown(const ProbeReport& report) {
    for (const Service service : {Service::dns, Service::http, Service::ping}) {
        const auto spec = decode_spec(service, Json{{"target", service == Service::http ? "http://a/" : "a"}});
        check_terminal(probes::outcome_text(spec.value(), {report, std::nullopt, "telecom"}));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto frame = worker::decode_frame(fuzz::text_of(data, size));
    if (!frame) return 0;
    if (const auto* progress = std::get_if<worker::Progress>(&frame.value())) {
        for (const Service service : {Service::dns, Service::http, Service::ping})
            check_terminal(probes::progress_text(service, progress->data));
    }
    if (const auto* done = std::get_if<worker::Done>(&frame.value())) {
        check_result(done->report);
        check_shown(done->report);
    }
    return 0;
}
