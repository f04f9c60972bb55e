#include "probes/worker/session.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "probes/run_probe.hpp"
#include "probes/started.hpp"

namespace edge::probes {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kDropProgressAbove = 256 * 1024;      // of unsent bytes: progress is only for show
constexpr std::size_t kStopReadingAbove = 4 * 1024 * 1024;  // the agent does not read: take no more work

}  // namespace

Session::Session(const Surroundings& around, int fd, std::function<void(const std::string&)> closed)
    : around_(around),
      stream_(around.io, asio::local::stream_protocol(), fd),
      closed_(std::move(closed)),
      incoming_(64 * 1024, '\0') {}

void Session::start(std::string sandbox) {
    send(worker::Ready{EDGE_VERSION, std::move(sandbox)});
    read();
}

void Session::read() {
    if (is_closed_ || is_reading_ || outgoing_.size() > kStopReadingAbove) return;
    is_reading_ = true;
    stream_.async_read_some(asio::buffer(incoming_), [this](boost::system::error_code error, std::size_t size) {
        is_reading_ = false;
        if (is_closed_) return;
        if (error) return close(error == asio::error::eof ? "" : error.message());
        reader_.push(std::string_view(incoming_.data(), size));
        take_frames();
        read();
    });
}

void Session::take_frames() {
    while (!is_closed_) {
        auto text = reader_.next();
        if (!text) return close(text.error().message());
        if (!text.value()) return;
        auto frame = worker::decode_frame(*text.value());
        if (!frame) return close("a frame of the agent: " + frame.error().message());
        if (const auto* run = std::get_if<worker::Run>(&frame.value())) {
            take(*run);
        } else if (const auto* cancel = std::get_if<worker::Cancel>(&frame.value())) {
            take(*cancel);
        } else {
            return close("the agent sent a frame that only workers send");
        }
    }
}

void Session::take(const worker::Run& run) {
    if (tasks_.contains(run.task)) return close("task " + std::to_string(run.task) + " is already running");
    if (tasks_.size() >= kMaxTasks)
        return refuse(run, Status::failed,
                      Failure{Source::agent, "start", "busy", "the worker has all the tasks it takes"});
    if (!around_.policy.runs(run.service)) {
        return refuse(run, Status::refused,
                      Failure{Source::policy, "spec", "denied", "the node's policy does not run this service"});
    }
    auto spec = decode_spec(run.service, run.params);
    if (!spec) return refuse(run, Status::failed, Failure{Source::agent, "spec", "bad_value", spec.error().message()});
    const std::uint64_t longest = longest_run_ms(spec.value()) + 1'000;
    begin(run.task, std::move(spec.value()), run.deadline_ms == 0 ? longest : run.deadline_ms);
}

void Session::take(const worker::Cancel& cancel) {
    const auto at = tasks_.find(cancel.task);
    if (at == tasks_.end()) return;  // its Done is on the way
    const ProbePtr probe = at->second.probe;
    probe->stop(Stop::canceled);
}

void Session::begin(std::uint64_t number, ProbeSpec spec, std::uint64_t deadline_ms) {
    ProbeEvents events;
    events.progress = [this, number](Json data) {
        if (outgoing_.size() < kDropProgressAbove) send(worker::Progress{number, std::move(data)});
    };
    events.done = [this, number, concurrency = static_cast<std::uint32_t>(tasks_.size() + 1)](ProbeReport report) {
        report.concurrency = concurrency;
        end(number, std::move(report));
    };
    const ProbePtr probe = make_probe(std::move(spec), around_, std::move(events));
    Task& task = tasks_.emplace(number, Task{probe, asio::steady_timer(around_.io)}).first->second;
    task.deadline.expires_after(std::chrono::milliseconds(deadline_ms));
    task.deadline.async_wait([probe = std::weak_ptr(probe)](boost::system::error_code error) {
        const ProbePtr late = probe.lock();
        if (!error && late) late->stop(Stop::deadline);
    });
    try {
        probe->start();
    } catch (const std::exception& error) {  // of a library: this task's end, not the worker's
        ProbeReport report;
        Started().stamp(report);
        report.failure = Failure{Source::agent, "start", "internal", error.what()};
        end(number, std::move(report));
    }
}

void Session::end(std::uint64_t number, ProbeReport report) {
    if (tasks_.erase(number) > 0) send(worker::Done{number, std::move(report)});
}

void Session::refuse(const worker::Run& run, Status status, Failure failure) {
    ProbeReport report;
    Started().stamp(report);
    report.status = status;
    report.failure = std::move(failure);
    send(worker::Done{run.task, std::move(report)});
}

void Session::send(const worker::Frame& frame) {
    if (is_closed_) return;
    outgoing_ += worker::encode_frame(frame);
    if (writing_.empty()) write();
}

void Session::write() {
    writing_.swap(outgoing_);
    if (writing_.empty()) return;
    asio::async_write(stream_, asio::buffer(writing_), [this](boost::system::error_code error, std::size_t) {
        writing_.clear();
        if (is_closed_) return;
        if (error) return close(error.message());
        write();
        read();
    });
}

void Session::close(const std::string& why) {
    if (is_closed_) return;
    is_closed_ = true;
    const auto unfinished = std::exchange(tasks_, {});
    for (const auto& [number, task] : unfinished)
        task.probe->stop(Stop::canceled);  // frees their sockets; nobody hears it
    boost::system::error_code ignored;
    stream_.close(ignored);
    closed_(why);
}

}  // namespace edge::probes
