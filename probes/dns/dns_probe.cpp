#include "probes/dns/dns_probe.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <cerrno>

#include "probes/dns/query_core.hpp"
#include "probes/failures.hpp"
#include "probes/reactor/line_device.hpp"
#include "probes/reactor/random_bytes.hpp"
#include "probes/reactor/socket_facts.hpp"
#include "probes/resolve/resolver.hpp"
#include "probes/started.hpp"
#include "protocol/json/text.hpp"

namespace edge::probes {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

/// One socket connected to the server, UDP or TCP. A connected UDP socket hears nobody else, and its port is fresh.
class DnsSocket {
  public:
    DnsSocket(asio::io_context& io, const Endpoint& server, DnsTransport transport)
        : descriptor_(io), server_(server), is_tcp_(transport == DnsTransport::tcp) {}

    /// 0, EINPROGRESS for TCP, or why not.
    int connect() {
        const int fd = ::socket(server_.address.v6 ? AF_INET6 : AF_INET,
                                (is_tcp_ ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0) return errno;
        descriptor_.assign(fd);
        if (const int error = bind_to_line(fd); error != 0) return error;
        sockaddr_storage storage{};
        const socklen_t length = to_sockaddr(server_, storage);
        return ::connect(fd, reinterpret_cast<const sockaddr*>(&storage), length) == 0 ? 0 : errno;
    }
    /// The outcome of a connection in progress.
    int connect_error() {
        int error = 0;
        socklen_t length = sizeof error;
        return getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
    }
    int fd() { return descriptor_.native_handle(); }
    bool is_tcp() const { return is_tcp_; }
    SocketFacts facts() { return socket_facts(fd(), server_); }
    asio::posix::stream_descriptor& descriptor() { return descriptor_; }

  private:
    asio::posix::stream_descriptor descriptor_;
    Endpoint server_;
    bool is_tcp_;
};

class DnsProbe : public Probe, public std::enable_shared_from_this<DnsProbe> {
  public:
    DnsProbe(DnsSpec spec, const Surroundings& around, ProbeEvents events)
        : spec_(std::move(spec)), around_(around), events_(std::move(events)), timer_(around.io) {}

    void start() override {
        auto server = choose_server();
        if (!server)
            return finish(Status::failed, Failure{Source::agent, "start", "no_resolver",
                                                  "the line has no resolver; name one with server"});
        server_ = Endpoint{*server, static_cast<std::uint16_t>(spec_.port)};
        if (auto refusal = around_.policy.refusal(server_.address, server_.port, Transport::udp)) {
            return finish(Status::refused, denied("connect", std::move(*refusal)));
        }
        auto question = make_question(spec_.target, spec_.type);
        if (!question)
            return finish(Status::failed, Failure{Source::agent, "spec", "bad_value", question.error().message()});
        core_.emplace(spec_, std::move(question.value()), server_.address.text(), random_value<std::uint16_t>);
        carry_out(core_->start(Clock::now()));
    }

    void stop(Stop reason) override {
        if (is_over_) return;
        finish(Status::failed, stopped(reason, Source::resolver, core_ ? core_->phase() : "start"));
    }

  private:
    std::optional<IpAddress> choose_server() const {
        if (spec_.server) return IpAddress::parse(*spec_.server).value();
        if (around_.resolver.servers().empty()) return std::nullopt;
        return around_.resolver.servers().front();
    }

    void carry_out(QueryCore::Action action) {
        while (auto* ask = std::get_if<QueryCore::Ask>(&action)) action = this->ask(std::move(*ask));
        if (!std::holds_alternative<QueryCore::Over>(action)) return;
        core_->conclude(report_);
        finish(report_.status, report_.failure);
    }

    QueryCore::Action ask(QueryCore::Ask ask) {
        const auto& detail = core_->detail();
        events_.progress(
            Json{{"try", {{"n", detail.tries}, {"server", detail.server}, {"transport", detail.transport}}}});
        socket_ = std::make_unique<DnsSocket>(around_.io, server_, ask.transport);
        ++generation_;
        outgoing_ = std::move(ask.message);
        incoming_.clear();
        arm(ask.until);
        const int error = socket_->connect();
        if (error != 0 && error != EINPROGRESS) return core_->failed(error, "connect", Clock::now());
        report_.sockets.push_back(socket_->facts());
        if (socket_->is_tcp()) {
            wait(asio::posix::descriptor_base::wait_write, &DnsProbe::on_connected);
            return QueryCore::Wait{};
        }
        wait(asio::posix::descriptor_base::wait_read, &DnsProbe::on_datagrams);
        return send_datagram();
    }

    QueryCore::Action send_datagram() {
        core_->sent(Clock::now());
        if (::send(socket_->fd(), outgoing_.data(), outgoing_.size(), MSG_NOSIGNAL) < 0)
            return core_->failed(errno, "send", Clock::now());
        return QueryCore::Wait{};
    }

    /// Runs `next` when the present socket is ready; never for a socket that was replaced meanwhile.
    void wait(asio::posix::descriptor_base::wait_type what, QueryCore::Action (DnsProbe::*next)()) {
        socket_->descriptor().async_wait(
            what, [self = shared_from_this(), next, mine = generation_](boost::system::error_code error) {
                if (error || self->is_over_ || mine != self->generation_) return;
                self->carry_out(((*self).*next)());
            });
    }

    void arm(QueryCore::Time until) {
        timer_.expires_at(until);
        timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
            if (!error && !self->is_over_) self->carry_out(self->core_->timed_out(Clock::now()));
        });
    }

    QueryCore::Action on_datagrams() {
        std::array<std::uint8_t, 65'536>& buffer = receive_buffer();
        for (int left = 64; left > 0; --left) {  // then others get their turn
            const ssize_t got = ::recv(socket_->fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
            if (got < 0 && errno == EAGAIN) break;
            if (got < 0) return core_->failed(errno, "read", Clock::now());
            auto action = core_->received({buffer.data(), static_cast<std::size_t>(got)}, Clock::now());
            if (!std::holds_alternative<QueryCore::Wait>(action)) return action;
        }
        wait(asio::posix::descriptor_base::wait_read, &DnsProbe::on_datagrams);
        return QueryCore::Wait{};
    }

    QueryCore::Action on_connected() {
        if (const int error = socket_->connect_error(); error != 0)
            return core_->failed(error, "connect", Clock::now());
        core_->connected(Clock::now());
        report_.sockets.back() = socket_->facts();
        const auto length = outgoing_.size();
        outgoing_.insert(outgoing_.begin(),
                         {static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length)});
        core_->sent(Clock::now());
        const ssize_t sent = ::send(socket_->fd(), outgoing_.data(), outgoing_.size(), MSG_NOSIGNAL);
        if (sent < 0) return core_->failed(errno, "send", Clock::now());
        // A fresh connection's send buffer takes 300 bytes whole.
        if (static_cast<std::size_t>(sent) != outgoing_.size()) return core_->failed(EMSGSIZE, "send", Clock::now());
        wait(asio::posix::descriptor_base::wait_read, &DnsProbe::on_stream);
        return QueryCore::Wait{};
    }

    QueryCore::Action on_stream() {
        std::array<std::uint8_t, 65'536>& buffer = receive_buffer();
        const ssize_t got = ::recv(socket_->fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (got < 0 && errno != EAGAIN) return core_->failed(errno, "read", Clock::now());
        if (got == 0) return core_->closed(Clock::now());
        if (got > 0) incoming_.insert(incoming_.end(), buffer.begin(), buffer.begin() + got);
        if (incoming_.size() >= 2) {
            const std::size_t length = static_cast<std::size_t>(incoming_[0] << 8 | incoming_[1]);
            if (incoming_.size() >= 2 + length)
                return core_->received(std::span(incoming_).subspan(2, length), Clock::now());
        }
        wait(asio::posix::descriptor_base::wait_read, &DnsProbe::on_stream);
        return QueryCore::Wait{};
    }

    /// One for all: the worker has one thread and no message outlives its handler.
    static std::array<std::uint8_t, 65'536>& receive_buffer() {
        static std::array<std::uint8_t, 65'536> buffer;
        return buffer;
    }

    void finish(Status status, std::optional<Failure> failure) {
        is_over_ = true;
        timer_.cancel();
        socket_.reset();
        report_.status = status;
        report_.failure = std::move(failure);
        started_.stamp(report_);
        if (core_) report_.detail = JsonText(json_text(core_->detail()));
        events_.done(std::move(report_));
    }

    DnsSpec spec_;
    Surroundings around_;
    ProbeEvents events_;
    asio::steady_timer timer_;
    Endpoint server_;
    std::optional<QueryCore> core_;
    std::unique_ptr<DnsSocket> socket_;
    unsigned generation_ = 0;
    Bytes outgoing_;
    Bytes incoming_;
    Started started_;
    ProbeReport report_;
    bool is_over_ = false;
};

}  // namespace

ProbePtr make_dns_probe(DnsSpec spec, const Surroundings& around, ProbeEvents events) {
    return std::make_shared<DnsProbe>(std::move(spec), around, std::move(events));
}

}  // namespace edge::probes
