#include "probes/ping/ping_probe.hpp"

#include <boost/asio/steady_timer.hpp>
#include <ctime>

#include "probes/failures.hpp"
#include "probes/ping/icmp_socket.hpp"
#include "probes/ping/ping_core.hpp"
#include "probes/reactor/random_bytes.hpp"
#include "probes/resolve/target.hpp"
#include "probes/started.hpp"
#include "protocol/json/text.hpp"

namespace edge::probes {
namespace {

using Clock = std::chrono::steady_clock;

Instant now() {
    timespec wall{};
    clock_gettime(CLOCK_REALTIME, &wall);
    return Instant{Clock::now(), std::chrono::seconds(wall.tv_sec) + std::chrono::nanoseconds(wall.tv_nsec)};
}

class PingProbe : public Probe, public std::enable_shared_from_this<PingProbe> {
  public:
    PingProbe(PingSpec spec, const Surroundings& around, ProbeEvents events)
        : spec_(std::move(spec)), around_(around), events_(std::move(events)), socket_(around.io), timer_(around.io) {}

    void start() override {
        around_.resolver.resolve(spec_.target, spec_.family,
                                 [self = shared_from_this()](Lookup lookup) { self->begin(lookup); });
    }

    void stop(Stop reason) override {
        if (is_over_) return;
        const Source source = core_ ? Source::path : Source::resolver;
        finish_stopped(stopped(reason, source, core_ ? "wait" : "resolve"));
    }

  private:
    void begin(const Lookup& lookup) {
        if (is_over_) return;
        report_.resolved = texts(lookup.addresses);
        auto chosen = choose_target(spec_.target, lookup, around_.policy, std::nullopt);
        if (auto* none = std::get_if<NoTarget>(&chosen)) return finish(none->status, none->failure);
        const IpAddress target = std::get<IpAddress>(chosen);
        if (auto opened = socket_.open(target); !opened)
            return finish(Status::failed, cannot_open(opened.error(), target.text()));
        report_.sockets = {socket_.facts()};
        core_.emplace(spec_, target.v6, target.text(), random_value<Cookie>(), Clock::now());
        listen();
        carry_out(core_->tick(Clock::now()));
    }

    static Failure cannot_open(const Error& error, const std::string& target) {
        if (error.where != "socket") return errno_failure(error.os_errno, "connect", target);
        Failure failure = errno_failure(error.os_errno, "start", "ICMP socket");
        if (error.os_errno == EPERM)
            return failure;  // the line's guard: the kernel itself says EACCES (ping_init_sock)
        failure.source = Source::agent;
        if (error.os_errno == EACCES) {
            failure.text = "this group may make no ping sockets: net.ipv4.ping_group_range does not include it";
        }
        return failure;
    }

    void carry_out(PingCore::Step step) {
        while (!is_over_) {
            for (const PingReply& reply : step.news) events_.progress(Json{{"reply", encode(reply)}});
            if (step.over) return finish_as_counted();
            if (!step.send) break;
            step = send(*step.send);
        }
        if (is_over_ || !step.wake) return;
        timer_.expires_at(*step.wake);
        timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
            if (!error && !self->is_over_) self->carry_out(self->core_->tick(Clock::now()));
        });
    }

    PingCore::Step send(const PingCore::Packet& packet) {
        const Instant at = now();
        const int failed = socket_.send(packet.bytes);
        if (failed == 0) return core_->sent(packet.seq, at);
        send_errno_ = failed;
        return core_->send_failed(packet.seq, at, errno_name(failed));
    }

    void listen() {
        socket_.wait_readable([self = shared_from_this()] {
            if (self->is_over_) return;
            self->receive();
            if (!self->is_over_) self->listen();
        });
    }

    void receive() {
        socket_.receive(
            [this](const IcmpSocket::Message& message) {
                if (is_over_) return;
                carry_out(core_->arrived({message.bytes, message.from, message.ttl, Clock::now(), message.stamped}));
            },
            [this](const IcmpSocket::IcmpError& error) {
                if (is_over_) return;
                const bool v6 = report_.sockets.front().dst_addr.find(':') != std::string::npos;
                const auto seq = decode_quoted_request(v6, error.quoted);
                if (!seq) return;
                std::string name =
                    error.is_local ? errno_name(error.os_errno) : icmp_error_name(v6, error.type, error.code);
                carry_out(core_->refused(*seq, std::move(name), error.from, Clock::now()));
            });
    }

    void finish_as_counted() {
        if (core_->all_received()) return finish(Status::ok, std::nullopt);
        finish(core_->anything_received() ? Status::partial : Status::failed, why_not_all());
    }

    /// A part that is missing has its reason as well as a whole: a line that goes down in the middle is the line's
    /// fault.
    Failure why_not_all() const {
        if (send_errno_ != 0) return errno_failure(send_errno_, "send", report_.sockets.front().dst_addr);
        if (const PingReply* reply = core_->first_error()) {
            const std::string who = reply->from.value_or(report_.sockets.front().dst_addr);
            const bool is_here =
                who ==
                report_.sockets.front().src_addr;  // this kernel says so: the line is down, or nobody answers ARP
            return Failure{is_here ? Source::line : Source::path, "wait", *reply->error,
                           who + " answers " + *reply->error};
        }
        return timed_out(Source::path, "wait", "no reply in time");
    }

    void finish_stopped(Failure failure) {
        finish(core_ && core_->anything_received() ? Status::partial : Status::failed, std::move(failure));
    }

    void finish(Status status, std::optional<Failure> failure) {
        is_over_ = true;
        timer_.cancel();
        socket_.close();
        report_.status = status;
        report_.failure = std::move(failure);
        started_.stamp(report_);
        if (core_) {
            const PingDetail detail = core_->detail();
            report_.summary.rtt_us = detail.avg_us;
            report_.summary.loss = detail.loss_percent;
            report_.summary.bytes = std::uint64_t{detail.rcvd} * detail.size;
            report_.detail = JsonText(json_text(detail));
        }
        events_.done(std::move(report_));
    }

    PingSpec spec_;
    Surroundings around_;
    ProbeEvents events_;
    IcmpSocket socket_;
    boost::asio::steady_timer timer_;
    std::optional<PingCore> core_;
    Started started_;
    ProbeReport report_;
    int send_errno_ = 0;
    bool is_over_ = false;
};

}  // namespace

ProbePtr make_ping_probe(PingSpec spec, const Surroundings& around, ProbeEvents events) {
    return std::make_shared<PingProbe>(std::move(spec), around, std::move(events));
}

}  // namespace edge::probes
