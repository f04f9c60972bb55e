#include "probes/resolve/resolver.hpp"

#include <ares.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdlib>
#include <map>
#include <sstream>
#include <stdexcept>

#include "probes/reactor/fd_watch.hpp"
#include "probes/reactor/line_device.hpp"
#include "probes/reactor/random_bytes.hpp"
#include "probes/reactor/socket_facts.hpp"

namespace edge::probes {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

/// A channel keeps its source port while it is busy, so it is changed now and then: an off-path attacker who has found
/// a port can use it for this many lookups.
constexpr unsigned kLookupsPerChannel = 32;

/// Of one name: an answer of 64 KiB holds four thousand, and each would go into the report.
constexpr std::size_t kAddresses = 32;

std::string code_of(int status) {
    switch (status) {
        case ARES_SUCCESS:
            return {};
        case ARES_ENOTFOUND:
            return "NXDOMAIN";
        case ARES_ENODATA:
            return "NODATA";
        case ARES_ESERVFAIL:
            return "SERVFAIL";
        case ARES_EREFUSED:
            return "REFUSED";
        case ARES_EFORMERR:
            return "FORMERR";
        case ARES_ENOTIMP:
            return "NOTIMP";
        case ARES_ETIMEOUT:
            return "timeout";
        case ARES_ECONNREFUSED:
            return "ECONNREFUSED";
        case ARES_EBADNAME:
            return "bad_name";
        case ARES_EBADRESP:
            return "malformed";
        default:
            return ares_strerror(status);
    }
}

std::string as_csv(const std::vector<IpAddress>& servers) {
    std::string csv;
    for (const IpAddress& server : servers) csv += (csv.empty() ? "" : ",") + text(Endpoint{server, 53});
    return csv;
}

std::vector<IpAddress> addresses_of(const ares_addrinfo& info) {
    std::vector<IpAddress> found;
    for (const ares_addrinfo_node* node = info.nodes; node; node = node->ai_next) {
        if (const auto endpoint = from_sockaddr(node->ai_addr, node->ai_addrlen)) found.push_back(endpoint->address);
    }
    std::stable_partition(found.begin(), found.end(), [](const IpAddress& a) { return !a.v6; });
    if (found.size() > kAddresses) found.resize(kAddresses);
    return found;
}

}  // namespace

/// One c-ares channel on the io_context. Shared by the resolver and the lookups it still has to answer.
class Resolver::Channel : public std::enable_shared_from_this<Channel> {
  public:
    Channel(asio::io_context& io, const std::vector<IpAddress>& servers) : io_(io), timer_(io) {
        std::srand(
            random_value<unsigned>());  // c-ares 1.18 seeds its ids from rand() where /dev/urandom cannot be opened
        ares_options options{};
        options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
        options.timeout = 1200;
        options.tries = 2;
        options.ndots = 0;
        options.lookups = const_cast<char*>("b");  // DNS only, no hosts file
        options.sock_state_cb = [](void* self, ares_socket_t fd, int read, int write) {
            static_cast<Channel*>(self)->on_socket(fd, read != 0, write != 0);
        };
        options.sock_state_cb_data = this;
        // All of these, though some say "none": then c-ares reads no resolv.conf.
        const int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS | ARES_OPT_LOOKUPS |
                         ARES_OPT_DOMAINS | ARES_OPT_SORTLIST | ARES_OPT_SERVERS | ARES_OPT_SOCK_STATE_CB |
                         ARES_OPT_NOROTATE;
        int status = ares_init_options(&channel_, &options, mask);
        if (status == ARES_SUCCESS) status = ares_set_servers_ports_csv(channel_, as_csv(servers).c_str());
        if (status != ARES_SUCCESS) throw std::runtime_error(std::string("c-ares: ") + ares_strerror(status));
        const auto bind = [](ares_socket_t fd, int, void*) { return bind_to_line(fd) == 0 ? 0 : -1; };
        ares_set_socket_configure_callback(channel_, bind, nullptr);
    }
    ~Channel() { ares_destroy(channel_); }
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    void cancel_all() { ares_cancel(channel_); }
    bool is_used_up() const { return started_ >= kLookupsPerChannel; }

    void resolve(const std::string& name, Family family, std::function<void(Lookup)> done) {
        ++started_;
        auto pending = std::make_unique<Pending>(Pending{shared_from_this(), Clock::now(), family, std::move(done)});
        ares_addrinfo_hints hints{};
        hints.ai_flags = ARES_AI_NOSORT;  // sorting would connect(2) to every address to learn its source
        hints.ai_family = family == Family::v4 ? AF_INET : family == Family::v6 ? AF_INET6 : AF_UNSPEC;
        ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, &Channel::on_answer, pending.release());
        arm();
    }

  private:
    struct Pending {
        std::shared_ptr<Channel> channel;
        Clock::time_point began;
        Family family;
        std::function<void(Lookup)> done;
    };

    static void on_answer(void* argument, int status, int, ares_addrinfo* info) {
        std::unique_ptr<Pending> pending(static_cast<Pending*>(argument));
        Lookup lookup;
        lookup.code = code_of(status);
        if (info) {
            lookup.addresses = addresses_of(*info);
            ares_freeaddrinfo(info);
        }
        if (pending->family == Family::v6_first)
            std::ranges::stable_partition(lookup.addresses, [](const IpAddress& address) { return address.v6; });
        if (lookup.code.empty() && lookup.addresses.empty()) lookup.code = "NODATA";
        const auto spent = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - pending->began);
        lookup.resolve_us = static_cast<std::uint64_t>(spent.count());
        // Posted: c-ares must not be called, nor its channel destroyed, from inside its own callback.
        asio::io_context& io = pending->channel->io_;
        asio::post(io, [pending = std::move(pending), lookup = std::move(lookup)]() mutable {
            pending->done(std::move(lookup));
        });
    }

    void on_socket(ares_socket_t fd, bool read, bool write) {
        auto at = watches_.find(fd);
        if (!read && !write) {  // about to be closed
            if (at == watches_.end()) return;
            at->second->forget();
            watches_.erase(at);
            return;
        }
        if (at == watches_.end()) {
            auto ready = [weak = weak_from_this()](int ready_fd, FdWatch::Ready what) {
                if (const auto self = weak.lock())
                    self->process(what.read ? ready_fd : ARES_SOCKET_BAD, what.write ? ready_fd : ARES_SOCKET_BAD);
            };
            at = watches_.emplace(fd, std::make_shared<FdWatch>(io_, fd, std::move(ready))).first;
        }
        at->second->want(read, write);
    }

    void process(ares_socket_t readable, ares_socket_t writable) {
        ares_process_fd(channel_, readable, writable);
        arm();
    }

    void arm() {
        timeval wait{};
        if (!ares_timeout(channel_, nullptr, &wait)) {
            timer_.cancel();
            return;
        }
        timer_.expires_after(std::chrono::seconds(wait.tv_sec) + std::chrono::microseconds(wait.tv_usec));
        timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
            const auto self = weak.lock();
            if (!error && self) self->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        });
    }

    asio::io_context& io_;
    asio::steady_timer timer_;
    ares_channel channel_ = nullptr;
    std::map<int, std::shared_ptr<FdWatch>> watches_;
    unsigned started_ = 0;
};

Resolver::Resolver(asio::io_context& io, std::vector<IpAddress> servers) : io_(io), servers_(std::move(servers)) {
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) throw std::runtime_error("c-ares does not start");
    if (!servers_.empty()) channel();
}

Resolver::~Resolver() {
    if (current_) current_->cancel_all();
}

Resolver::Channel& Resolver::channel() {
    if (!current_ || current_->is_used_up()) current_ = std::make_shared<Channel>(io_, servers_);
    return *current_;
}

void Resolver::resolve(const std::string& name, Family family, std::function<void(Lookup)> done) {
    Lookup known;
    if (const auto literal = IpAddress::parse(name)) {
        const bool fits =
            family == Family::any || family == Family::v6_first || (family == Family::v6) == literal.value().v6;
        if (fits) known.addresses = {literal.value()};
        if (!fits) known.code = "NODATA";
    } else if (servers_.empty()) {
        known.code = "no_resolver";
    } else {
        channel().resolve(name, family, std::move(done));
        return;
    }
    asio::post(io_, [known = std::move(known), done = std::move(done)] { done(known); });
}

std::vector<IpAddress> nameservers(const std::string& resolv_conf) {
    std::vector<IpAddress> found;
    std::istringstream lines(resolv_conf);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string key, value;
        if (!(words >> key >> value) || key != "nameserver") continue;
        if (const auto address = IpAddress::parse(value)) found.push_back(address.value());
    }
    return found;
}

}  // namespace edge::probes
