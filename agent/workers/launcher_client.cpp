#include "agent/workers/launcher_client.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "agent/workers/launcher_answers.hpp"

namespace edge::agent {
namespace {

constexpr std::chrono::seconds kDialAgain{1};
constexpr std::size_t kLargest = 4096;

Result<Fd> connect_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return Error{Errc::bad_value, path, "a socket's path is at most 107 bytes"};
    std::memcpy(address.sun_path, path.data(), path.size());
    Fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return os_error(errno, path, "socket");
    if (::connect(fd.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return os_error(errno, path, "connect");
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(fd.number(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return os_error(errno, path);
    // Another user who could put his own socket there would be believed what a worker said, and on which line.
    if (peer.uid != 0 && peer.uid != ::geteuid())
        return Error{Errc::denied, path,
                     "is served by uid " + std::to_string(peer.uid) +
                         ", not by root; ask as that user, if it is an ordinary user's launcher, or end that process"};
    return fd;
}

/// The body of the answer, if there was one.
template <class B>
Result<B> body_in(const Result<std::string>& packet) {
    if (!packet) return packet.error();
    return body_of<B>(packet.value());
}

}  // namespace

LauncherClient::LauncherClient(boost::asio::io_context& io, std::string path, Listener& listener)
    : path_(std::move(path)), listener_(listener), socket_(io), again_(io) {}

LauncherClient::~LauncherClient() = default;

void LauncherClient::dial() {
    auto fd = connect_to(path_);
    if (!fd) {
        listener_.launcher_down(fd.error());
        again_.expires_after(kDialAgain);
        again_.async_wait([this](const boost::system::error_code& error) {
            if (!error) dial();
        });
        return;
    }
    socket_.assign(fd.value().release());
    connected_ = true;
    wait();
    listener_.launcher_up();
}

void LauncherClient::wait() {
    socket_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                       [this](const boost::system::error_code& error) {
                           if (error) return;
                           drain();
                       });
}

void LauncherClient::drain() {
    while (connected_ && receive()) {
    }
    if (connected_) wait();
}

/// One packet. False when there is none now or ever again.
bool LauncherClient::receive() {
    char bytes[kLargest];
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 4)];
    iovec piece{bytes, sizeof bytes};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t got = ::recvmsg(socket_.native_handle(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return errno == EINTR;
    if (got <= 0) {
        lost(got == 0 ? Error{Errc::unavailable, path_, "edge-launcher closed the connection"}
                      : os_error(errno, path_, "recvmsg"));
        return false;
    }
    Fd passed;
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int number = -1;
            std::memcpy(&number, CMSG_DATA(part) + i * sizeof(int), sizeof number);
            passed = Fd(number);
        }
    }
    take(std::string(bytes, static_cast<std::size_t>(got)), std::move(passed));
    return true;
}

void LauncherClient::take(const std::string& packet, Fd fd) {
    const auto header = header_of(packet);
    if (!header) return lost({header.error().code, path_, header.error().detail});
    if (header.value().serial != 0) {
        if (auto node = waiting_.extract(header.value().serial)) node.mapped()(packet, std::move(fd));
        return;
    }
    if (header.value().type == launcher::Type::line_changed) {
        if (const auto line = body_of<launcher::LineInfo>(packet)) listener_.line_changed(line.value());
    } else if (header.value().type == launcher::Type::worker_exited) {
        if (const auto exit = body_of<launcher::WorkerExited>(packet)) listener_.worker_exited(exit.value());
    }
}

void LauncherClient::lost(Error why) {
    connected_ = false;
    unsent_.clear();
    boost::system::error_code ignored;
    socket_.close(ignored);
    const auto waiting = std::exchange(waiting_, {});
    listener_.launcher_down(why);  // first: what ends now ends for this, not for the answer that it did not get
    for (const auto& [serial, answer] : waiting) answer(why, Fd());
    again_.expires_after(kDialAgain);
    again_.async_wait([this](const boost::system::error_code& error) {
        if (!error) dial();
    });
}

void LauncherClient::send(std::string packet, std::uint32_t serial, Answer answer) {
    if (!connected_) return answer(Error{Errc::unavailable, path_, "edge-launcher is not there"}, Fd());
    waiting_.emplace(serial, std::move(answer));
    unsent_.push_back(std::move(packet));
    if (unsent_.size() == 1) flush();
}

void LauncherClient::flush() {
    while (!unsent_.empty()) {
        const ssize_t sent = ::send(socket_.native_handle(), unsent_.front().data(), unsent_.front().size(),
                                    MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) break;
        unsent_.pop_front();
    }
    // A connection that broke is noticed by reading, which ends what waits.
    if (unsent_.empty() || (errno != EAGAIN && errno != EWOULDBLOCK)) return;
    socket_.async_wait(boost::asio::posix::stream_descriptor::wait_write,
                       [this](const boost::system::error_code& error) {
                           if (!error && connected_) flush();
                       });
}

template <class B>
void LauncherClient::ask(launcher::Type type, const B& body, Answer answer) {
    if (++serial_ == 0) ++serial_;
    launcher::Packet<B> packet;
    std::memset(static_cast<void*>(&packet), 0, sizeof packet);  // no stale bytes in the padding
    packet.header = {.type = type, .serial = serial_};
    packet.body = body;
    send(std::string(reinterpret_cast<const char*>(&packet), sizeof packet), serial_, std::move(answer));
}

template <class B, class A>
void LauncherClient::ask_for(launcher::Type type, const B& body, Reply<A> reply) {
    ask(type, body, [reply = std::move(reply)](const Result<std::string>& packet, Fd) { reply(body_in<A>(packet)); });
}

void LauncherClient::get_line(std::uint32_t index, Reply<launcher::LineInfo> reply) {
    ask_for(launcher::Type::get_line, launcher::GetLine{index}, std::move(reply));
}

void LauncherClient::get_host(Reply<launcher::HostInfo> reply) {
    if (++serial_ == 0) ++serial_;
    const launcher::Header header{.type = launcher::Type::get_host, .serial = serial_};
    send(std::string(reinterpret_cast<const char*>(&header), sizeof header), serial_,
         [reply = std::move(reply)](const Result<std::string>& packet, Fd) {
             reply(body_in<launcher::HostInfo>(packet));
         });
}

LauncherClient::Answer LauncherClient::worker_answer(Reply<Worker> reply) {
    return [reply = std::move(reply)](const Result<std::string>& packet, Fd fd) {
        const auto spawned = body_in<launcher::Spawned>(packet);
        if (!spawned) return reply(spawned.error());
        if (!fd) return reply(Error{Errc::bad_syntax, "edge-launcher", "a worker without its socket"});
        reply(Worker{spawned.value(), std::move(fd)});
    };
}

void LauncherClient::spawn(const launcher::LineName& line, Reply<Worker> reply) {
    ask(launcher::Type::spawn, launcher::Spawn{line}, worker_answer(std::move(reply)));
}

void LauncherClient::attempt(const launcher::Attempt& attempt, Reply<Worker> reply) {
    ask(launcher::Type::attempt, attempt, worker_answer(std::move(reply)));
}

void LauncherClient::kill(std::uint32_t worker, Reply<launcher::Done> reply) {
    ask_for(launcher::Type::kill, launcher::Kill{worker}, std::move(reply));
}

void LauncherClient::stats(std::uint32_t worker, Reply<launcher::WorkerStats> reply) {
    ask_for(launcher::Type::stats, launcher::Stats{worker}, std::move(reply));
}

void LauncherClient::get_policy(std::uint32_t part, Reply<launcher::PolicyPart> reply) {
    ask_for(launcher::Type::get_policy, launcher::GetPolicy{part}, std::move(reply));
}

void LauncherClient::deny_targets(const launcher::DenyTargets& body, Reply<launcher::Done> reply) {
    ask_for(launcher::Type::deny_targets, body, std::move(reply));
}

void LauncherClient::line_usage(std::uint32_t line, Reply<launcher::LineUsage> reply) {
    ask_for(launcher::Type::line_usage, launcher::AskUsage{line}, std::move(reply));
}

void LauncherClient::open_uplink(const launcher::OpenUplink& asked, Reply<Fd> reply) {
    ask(launcher::Type::open_uplink, asked, [reply = std::move(reply)](const Result<std::string>& packet, Fd fd) {
        const auto opened = body_in<launcher::UplinkSocket>(packet);
        if (!opened) return reply(opened.error());
        if (!fd) return reply(Error{Errc::bad_syntax, "edge-launcher", "an uplink without its socket"});
        reply(std::move(fd));
    });
}

void LauncherClient::route_get(const launcher::RouteGet& query, Reply<launcher::Route> reply) {
    ask_for(launcher::Type::route_get, query, std::move(reply));
}

}  // namespace edge::agent
