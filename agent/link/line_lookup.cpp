#include "agent/link/line_lookup.hpp"

#include <ares.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <map>
#include <memory>
#include <utility>

namespace edge::agent {
namespace {

namespace asio = boost::asio;
using Addresses = std::vector<IpAddress>;

constexpr std::size_t kMostServers = 3;
constexpr std::size_t kMostAddresses = 16;

/// A socket that was opened before c-ares asks for it: it cannot wait.
struct Spare {
    int domain = 0;
    int type = 0;
    Fd fd;
};

/// Owns: one c-ares channel, and sockets until c-ares takes them. Executor: one thread.
/// Owners: who waits for its answer, and pending waits, weakly.
class Lookup : public std::enable_shared_from_this<Lookup> {
  public:
    Lookup(asio::any_io_executor executor, std::vector<Spare> spare)
        : executor_(std::move(executor)), timer_(executor_), spare_(std::move(spare)) {}
    ~Lookup() {
        done_ = nullptr;
        if (channel_ != nullptr) ares_destroy(channel_);
    }
    Lookup(const Lookup&) = delete;
    Lookup& operator=(const Lookup&) = delete;

    /// `done` is called once, later.
    void run(const std::string& servers, const std::string& host, std::function<void(Result<Addresses>)> done) {
        done_ = std::move(done);
        ares_options options{};
        options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
        options.timeout = 1200;
        options.tries = 2;
        options.lookups = const_cast<char*>("b");  // DNS only, no hosts file
        options.sock_state_cb = [](void* self, ares_socket_t fd, int read, int write) {
            static_cast<Lookup*>(self)->want(fd, read != 0, write != 0);
        };
        options.sock_state_cb_data = this;
        // All of these, though some say "none": then c-ares reads no resolv.conf.
        const int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS |
                         ARES_OPT_SORTLIST | ARES_OPT_SERVERS | ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE;
        int status = ares_init_options(&channel_, &options, mask);
        if (status == ARES_SUCCESS) status = ares_set_servers_ports_csv(channel_, servers.c_str());
        if (status != ARES_SUCCESS) return finish(Error{Errc::unavailable, {}, ares_strerror(status)});
        static const ares_socket_functions kSockets{&take, &close, &connect, &receive, &send};
        ares_set_socket_functions(channel_, &kSockets, this);
        ares_addrinfo_hints hints{};
        hints.ai_flags = ARES_AI_NOSORT;  // sorting would connect(2) to every address to learn its source
        hints.ai_family = AF_UNSPEC;
        ares_getaddrinfo(channel_, host.c_str(), nullptr, &hints, &answered, this);
        arm();
    }

  private:
    struct Watch {
        asio::posix::stream_descriptor descriptor;
        bool read = false, write = false;  // wanted
        bool reading = false, writing = false;
    };
    using WaitFor = asio::posix::stream_descriptor::wait_type;

    static ares_socket_t take(int domain, int type, int, void* self) {
        auto& spare = static_cast<Lookup*>(self)->spare_;
        const int kind = type & (SOCK_STREAM | SOCK_DGRAM);
        const auto at = std::find_if(spare.begin(), spare.end(),
                                     [&](const Spare& one) { return one.domain == domain && one.type == kind; });
        if (at == spare.end()) {
            errno = EMFILE;
            return ARES_SOCKET_BAD;
        }
        const int fd = at->fd.release();
        spare.erase(at);
        return fd;
    }
    static int close(ares_socket_t fd, void*) { return ::close(fd); }
    static int connect(ares_socket_t fd, const sockaddr* to, ares_socklen_t size, void*) {
        return ::connect(fd, to, size);
    }
    static ares_ssize_t receive(ares_socket_t fd, void* buffer, std::size_t size, int flags, sockaddr* from,
                                ares_socklen_t* from_size, void*) {
        return ::recvfrom(fd, buffer, size, flags, from, from_size);
    }
    static ares_ssize_t send(ares_socket_t fd, const iovec* pieces, int count, void*) {
        msghdr message{};
        message.msg_iov = const_cast<iovec*>(pieces);
        message.msg_iovlen = static_cast<std::size_t>(count);
        return ::sendmsg(fd, &message, MSG_NOSIGNAL);
    }

    static void answered(void* self, int status, int, ares_addrinfo* info) {
        auto& lookup = *static_cast<Lookup*>(self);
        Addresses found;
        for (const auto* node = info ? info->nodes : nullptr; node && found.size() < kMostAddresses;
             node = node->ai_next) {
            IpAddress address;
            address.v6 = node->ai_family == AF_INET6;
            const void* bytes =
                address.v6 ? static_cast<const void*>(&reinterpret_cast<sockaddr_in6*>(node->ai_addr)->sin6_addr)
                           : &reinterpret_cast<sockaddr_in*>(node->ai_addr)->sin_addr;
            std::copy_n(static_cast<const std::uint8_t*>(bytes), address.v6 ? 16 : 4, address.bytes.begin());
            found.push_back(address);
        }
        if (info) ares_freeaddrinfo(info);
        std::stable_partition(found.begin(), found.end(), [](const IpAddress& one) { return !one.v6; });
        if (found.empty())
            return lookup.finish(Error{
                Errc::unavailable, {}, status == ARES_SUCCESS ? "the name has no address" : ares_strerror(status)});
        lookup.finish(std::move(found));
    }

    /// Posted: c-ares must not be called, nor its channel destroyed, from inside its own callback.
    void finish(Result<Addresses> answer) {
        auto done = std::exchange(done_, nullptr);
        if (!done) return;
        asio::post(executor_,
                   [done = std::move(done), answer = std::move(answer)]() mutable { done(std::move(answer)); });
    }

    void want(int fd, bool read, bool write) {
        auto at = watches_.find(fd);
        if (!read && !write) {  // about to be closed
            if (at == watches_.end()) return;
            at->second->descriptor.release();
            watches_.erase(at);
            return;
        }
        if (at == watches_.end()) {
            auto watch = std::make_shared<Watch>(Watch{asio::posix::stream_descriptor(executor_, fd)});
            at = watches_.emplace(fd, std::move(watch)).first;
        }
        at->second->read = read;
        at->second->write = write;
        wait(at->second);
    }

    void wait(const std::shared_ptr<Watch>& watch) {
        if (watch->read && !std::exchange(watch->reading, true)) wait_for(watch, WaitFor::wait_read);
        if (watch->write && !std::exchange(watch->writing, true)) wait_for(watch, WaitFor::wait_write);
    }

    void wait_for(const std::shared_ptr<Watch>& watch, WaitFor what) {
        watch->descriptor.async_wait(what,
                                     [weak = weak_from_this(), watch, what](const boost::system::error_code& error) {
                                         const auto self = weak.lock();
                                         if (error || !self || !watch->descriptor.is_open()) return;
                                         (what == WaitFor::wait_read ? watch->reading : watch->writing) = false;
                                         const int fd = watch->descriptor.native_handle();
                                         self->process(what == WaitFor::wait_read ? fd : ARES_SOCKET_BAD,
                                                       what == WaitFor::wait_write ? fd : ARES_SOCKET_BAD);
                                         if (watch->descriptor.is_open()) self->wait(watch);
                                     });
    }

    void process(ares_socket_t readable, ares_socket_t writable) {
        ares_process_fd(channel_, readable, writable);
        arm();
    }

    void arm() {
        timeval left{};
        if (!ares_timeout(channel_, nullptr, &left)) {
            timer_.cancel();
            return;
        }
        timer_.expires_after(std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec));
        timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
            const auto self = weak.lock();
            if (!error && self) self->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        });
    }

    asio::any_io_executor executor_;
    asio::steady_timer timer_;
    std::vector<Spare> spare_;
    ares_channel channel_ = nullptr;
    std::map<int, std::shared_ptr<Watch>> watches_;
    std::function<void(Result<Addresses>)> done_;
};

std::string with_port(const std::string& server, std::uint16_t port) {
    const bool v6 = server.find(':') != std::string::npos;
    return (v6 ? "[" + server + "]" : server) + ":" + std::to_string(port);
}

/// Starts `run` with a callback, and waits until that is called.
template <class T, class Run>
asio::awaitable<T> called_back(Run run) {
    const auto executor = co_await asio::this_coro::executor;
    auto initiate = [&run, &executor](auto handler) {
        using Handler = decltype(handler);
        auto waiting = std::make_shared<Handler>(std::move(handler));
        run([waiting, executor](T answer) {
            asio::post(executor, [waiting, answer = std::move(answer)]() mutable { (*waiting)(std::move(answer)); });
        });
    };
    auto token = asio::use_awaitable;
    co_return co_await asio::async_initiate<asio::use_awaitable_t<>, void(T)>(initiate, token);
}

}  // namespace

asio::awaitable<Result<Fd>> open_socket(Uplinks& uplinks, LineName line, bool v6, SocketKind kind) {
    auto run = [&uplinks, &line, v6, kind](auto done) { uplinks.open(line, v6, kind, std::move(done)); };
    co_return co_await called_back<Result<Fd>>(run);
}

asio::awaitable<Result<Addresses>> look_up(Uplinks& uplinks, LineName line, UplinkLine known, std::string host) {
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) co_return Error{Errc::unavailable, {}, "c-ares"};
    std::string servers;
    std::vector<Spare> spare;
    std::string refused = "the line has no resolver";
    std::size_t count = 0;
    for (const std::string& server : known.resolvers) {
        const bool v6 = server.find(':') != std::string::npos;
        if ((v6 ? !known.v6 : !known.v4) || count == kMostServers) continue;
        ++count;
        servers += (servers.empty() ? "" : ",") + with_port(server, known.resolver_port);
        // Two tries each, and TCP where an answer is cut.
        for (const SocketKind kind : {SocketKind::udp, SocketKind::udp, SocketKind::tcp}) {
            auto opened = co_await open_socket(uplinks, line, v6, kind);
            if (!opened) {
                refused = opened.error().detail;
                break;
            }
            spare.push_back({v6 ? AF_INET6 : AF_INET, kind == SocketKind::tcp ? SOCK_STREAM : SOCK_DGRAM,
                             std::move(opened.value())});
        }
    }
    if (spare.empty()) co_return Error{Errc::unavailable, {}, refused};
    const auto executor = co_await asio::this_coro::executor;
    const auto lookup = std::make_shared<Lookup>(executor, std::move(spare));
    auto run = [&lookup, &servers, &host](auto done) { lookup->run(servers, host, std::move(done)); };
    co_return co_await called_back<Result<Addresses>>(run);
}

}  // namespace edge::agent
