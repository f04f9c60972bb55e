#include "probes/by_hand/run_on_line.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>

#include "probes/by_hand/launcher_client.hpp"
#include "protocol/launcher/why_down.hpp"
#include "protocol/worker/frames.hpp"

namespace edge::probes {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::uint64_t kTask = 1;

/// The worker's stream, read blocking.
class WorkerStream {
  public:
    explicit WorkerStream(int fd) : fd_(fd) {}
    ~WorkerStream() { ::close(fd_); }
    WorkerStream(const WorkerStream&) = delete;
    WorkerStream& operator=(const WorkerStream&) = delete;

    bool send(const worker::Frame& frame) {
        const std::string bytes = worker::encode_frame(frame);
        return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
    }

    /// The next frame. Errors: unavailable at end of file, timed_out, or what is wrong with the frame.
    Result<worker::Frame> receive(Clock::time_point until) {
        for (;;) {
            EDGE_TRY(auto text, reader_.next());
            if (text) return worker::decode_frame(*text);
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
            pollfd ready{fd_, POLLIN, 0};
            const int polled = left > 0 ? ::poll(&ready, 1, static_cast<int>(left)) : 0;
            if (polled < 0 && errno == EINTR) continue;
            if (polled <= 0) return Error{Errc::timed_out, "worker", "the worker did not answer in time"};
            std::array<char, 65'536> buffer;
            const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
            if (got <= 0) return Error{Errc::unavailable, "worker", "the worker ended without an answer"};
            reader_.push({buffer.data(), static_cast<std::size_t>(got)});
        }
    }

  private:
    int fd_;
    worker::FrameReader reader_;
};

Result<ProbeReport> converse(WorkerStream& stream, const ProbeSpec& spec, const ShowProgress& show) {
    const std::uint64_t deadline_ms = longest_run_ms(spec) + 1'000;
    const auto until = Clock::now() + std::chrono::milliseconds(deadline_ms + 5'000);
    const worker::Run run{kTask, service_of(spec), encode_spec(spec), static_cast<std::uint32_t>(deadline_ms)};
    if (!stream.send(run)) return Error{Errc::unavailable, "worker", "the worker does not take the task"};
    for (;;) {
        EDGE_TRY(auto frame, stream.receive(until));
        if (const auto* progress = std::get_if<worker::Progress>(&frame)) show(progress->data);
        if (auto* done = std::get_if<worker::Done>(&frame)) return std::move(done->report);
    }
}

ProbeReport lost(const Error& error) {
    ProbeReport report;
    report.failure = Failure{Source::agent, "wait", "worker_lost", error.detail};
    return report;
}

}  // namespace

Result<Outcome> run_on_line(const Command& command, const ShowProgress& show) {
    EDGE_TRY(auto launcher, LauncherClient::connect(command.launcher));
    EDGE_TRY(auto line, launcher.find_line(command.line));
    Outcome outcome;
    outcome.line = command.line;
    if (const std::string why = launcher::why_down(line); !why.empty()) {
        outcome.report.failure =
            Failure{Source::line, "start", "link_down", "line " + command.line + " is down: " + why};
        return outcome;
    }
    EDGE_TRY(auto worker, launcher.spawn(line));
    {
        WorkerStream stream(worker.stream);
        auto report = converse(stream, command.spec, show);
        outcome.report = report ? std::move(report.value()) : lost(report.error());
    }
    std::vector<SocketPath> paths;
    for (const SocketFacts& socket : outcome.report.sockets) {
        SocketPath& path = paths.emplace_back(SocketPath{socket, std::nullopt});
        if (paths.size() > kMaxSockets) break;  // that alone says enough
        if (auto answer = launcher.route_get(line, flow_of(socket))) path.route = std::move(answer.value());
    }
    outcome.evidence = make_evidence(line_facts(line), paths);
    apply_evidence(*outcome.evidence, outcome.report);
    (void)launcher.kill(worker.number);  // it has already left at end of file, most likely
    return outcome;
}

}  // namespace edge::probes
