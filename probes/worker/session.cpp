#include "probes/worker/session.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "probes/run_probe.hpp"
#include "probes/started.hpp"
#include "protocol/cut_text.hpp"

namespace edge::probes {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kMostUnshown = 64;
constexpr std::size_t kDropProgressAbove = 256 * 1024;      // of unsent bytes: progress is only for show
constexpr std::size_t kStopReadingAbove = 4 * 1024 * 1024;  // the agent does not read: take no more work

}  // namespace

Session::Session(const Surroundings& around, int fd, std::function<void(const std::string&)> closed)
    : around_(around),
      stream_(around.io, asio::local::stream_protocol(), fd),
      closed_(std::move(closed)),
      incoming_(64 * 1024, '\0'),
      show_timer_(around.io) {}

void Session::start(std::string sandbox) {
    send(worker::Ready{EDGE_VERSION, std::move(sandbox)});
    read();
}

void Session::read() {
    if (is_closed_ || is_reading_ || unsent_ > kStopReadingAbove) return;
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
        return refuse(run.task, Status::failed,
                      Failure{Source::agent, "start", "busy", "the worker has all the tasks it takes"});
    if (!around_.policy.runs(run.service)) {
        return refuse(run.task, Status::refused,
                      Failure{Source::policy, "spec", "denied", "the node's policy does not run this service"});
    }
    auto spec = decode_spec(run.service, run.params);
    if (!spec)
        return refuse(run.task, Status::failed, Failure{Source::agent, "spec", "bad_value", spec.error().message()});
    const std::uint64_t longest = longest_run_ms(spec.value()) + 1'000;
    admission_.wait(run.task, spec.value());
    Task& task = tasks_.emplace(run.task, Task{std::move(spec.value()), asio::steady_timer(around_.io)}).first->second;
    task.deadline.expires_after(std::chrono::milliseconds(run.deadline_ms == 0 ? longest : run.deadline_ms));
    task.deadline.async_wait([this, number = run.task](boost::system::error_code error) {
        if (!error) out_of_time(number);
    });
    begin_what_fits();
    if (const auto at = tasks_.find(run.task); at != tasks_.end()) at->second.has_waited = !at->second.probe;
}

void Session::take(const worker::Cancel& cancel) {
    const auto at = tasks_.find(cancel.task);
    if (at == tasks_.end()) return;  // its Done is on the way
    const ProbePtr probe = at->second.probe;
    if (!probe) return refuse(cancel.task, Status::failed, stopped(Stop::canceled, Source::agent, "start"));
    probe->stop(Stop::canceled);
}

void Session::out_of_time(std::uint64_t number) {
    const auto at = tasks_.find(number);
    if (at == tasks_.end()) return;
    const ProbePtr probe = at->second.probe;
    if (!probe) {
        return refuse(number, Status::refused,
                      Failure{Source::agent, "start", "expired", "the worker had no room for it before its deadline"});
    }
    at->second.is_cut_short = at->second.has_waited;
    probe->stop(Stop::deadline);
}

void Session::begin_what_fits() {
    while (!is_closed_) {
        const auto number = admission_.next(unsent_);
        if (!number) return;
        begin(*number, tasks_.at(*number));
    }
}

void Session::begin(std::uint64_t number, Task& task) {
    ProbeEvents events;
    events.progress = [this, number](Json data) { progress(number, std::move(data)); };
    events.done = [this, number, concurrency = static_cast<std::uint32_t>(admission_.running())](ProbeReport report) {
        report.concurrency = concurrency;
        end(number, std::move(report));
    };
    unshown_.emplace_back(std::chrono::steady_clock::now() + worker::kShownAfter, number);
    show_later();
    const ProbePtr probe = task.probe = make_probe(std::move(task.spec), around_, std::move(events));
    try {
        probe->start();
    } catch (const std::exception& error) {  // of a library: this task's end, not the worker's
        if (tasks_.contains(number))
            refuse(number, Status::failed, Failure{Source::agent, "start", "internal", error.what()});
    }
}

void Session::progress(std::uint64_t number, Json data) {
    if (unsent_ >= kDropProgressAbove) return;
    const auto at = tasks_.find(number);
    if (at == tasks_.end()) return;
    Task& task = at->second;
    if (task.is_shown)
        send(worker::Progress{number, std::move(data)});
    else if (task.unshown.size() < kMostUnshown)
        task.unshown.push_back(std::move(data));
}

/// Armed for the first of them, also when that ends meanwhile: a look costs less than setting it anew for each task.
void Session::show_later() {
    if (unshown_.empty() || std::exchange(is_show_armed_, true)) return;
    show_timer_.expires_at(unshown_.front().first);
    show_timer_.async_wait([this](boost::system::error_code error) {
        is_show_armed_ = false;
        if (!error && !is_closed_) show_due();
    });
}

void Session::show_due() {
    const auto now = std::chrono::steady_clock::now();
    while (!unshown_.empty()) {
        const auto [due, number] = unshown_.front();
        const auto at = tasks_.find(number);
        if (at != tasks_.end() && due > now) break;
        unshown_.pop_front();
        if (at == tasks_.end()) continue;
        at->second.is_shown = true;
        for (Json& data : std::exchange(at->second.unshown, {})) send(worker::Progress{number, std::move(data)});
    }
    show_later();
}

void Session::end(std::uint64_t number, ProbeReport report) {
    const auto at = tasks_.find(number);
    if (at == tasks_.end()) return;
    if (at->second.is_cut_short && report.failure) {
        // Not the target's or the path's fault: it was given less than its time.
        report.failure->source = Source::agent;
        report.failure->text += ", after it had waited for room in the worker";
    }
    tasks_.erase(at);
    send(worker::Done{number, std::move(report)});
    admission_.leave(number);  // who waits begins when this report is written
}

void Session::refuse(std::uint64_t number, Status status, Failure failure) {
    cut_text(failure.text, kMaxFailureText);  // it may quote the params
    ProbeReport report;
    Started().stamp(report);
    report.status = status;
    report.failure = std::move(failure);
    tasks_.erase(number);
    admission_.leave(number);
    send(worker::Done{number, std::move(report)});
}

void Session::send(const worker::Frame& frame) {
    if (is_closed_) return;
    outgoing_.push_back(worker::encode_frame(frame));
    unsent_ += outgoing_.back().size();
    if (writing_.empty() && !std::exchange(is_write_posted_, true))
        asio::post(stream_.get_executor(), [this] { write(); });
}

/// Behind all that is ready now: many reports go by one system call, and wake the agent once.
void Session::write() {
    is_write_posted_ = false;
    if (is_closed_) return;
    writing_.swap(outgoing_);
    if (writing_.empty()) return;
    std::vector<asio::const_buffer> buffers;
    for (const std::string& frame : writing_) buffers.push_back(asio::buffer(frame));
    asio::async_write(stream_, buffers, [this](boost::system::error_code error, std::size_t size) {
        writing_.clear();
        unsent_ -= size;
        if (is_closed_) return;
        if (error) return close(error.message());
        write();
        begin_what_fits();
        read();
    });
}

void Session::close(const std::string& why) {
    if (is_closed_) return;
    is_closed_ = true;
    const auto unfinished = std::exchange(tasks_, {});
    for (const auto& [number, task] : unfinished) {
        if (task.probe) task.probe->stop(Stop::canceled);  // frees their sockets; nobody hears it
    }
    boost::system::error_code ignored;
    stream_.close(ignored);
    closed_(why);
}

}  // namespace edge::probes
