#include "broker/webhooks/resolver.hpp"

#include <ares.h>
#include <netinet/in.h>
#include <sys/time.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace edge::broker::webhooks {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr auto kRenewAfter = std::chrono::seconds(60);  // resolv.conf is read when a channel is made
constexpr int kTimeoutMs = 2'500;
constexpr int kTries = 2;

struct Question {
    std::size_t& pending;
    std::function<void(Resolved)> done;
};

IpAddress address_of(const ares_addrinfo_node& node) {
    IpAddress address;
    if (node.ai_family == AF_INET) {
        std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in*>(node.ai_addr)->sin_addr, 4);
    } else {
        address.v6 = true;
        std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in6*>(node.ai_addr)->sin6_addr, 16);
    }
    return address;
}

void on_answer(void* data, int status, int, ares_addrinfo* found) {
    const std::unique_ptr<Question> question(static_cast<Question*>(data));
    --question->pending;
    Resolved resolved;
    for (const auto* node = found ? found->nodes : nullptr; node; node = node->ai_next) {
        if (node->ai_family == AF_INET || node->ai_family == AF_INET6) resolved.addresses.push_back(address_of(*node));
    }
    ares_freeaddrinfo(found);
    if (resolved.addresses.empty())
        resolved.error = status == ARES_SUCCESS ? "the name has no address" : ares_strerror(status);
    question->done(std::move(resolved));
}

}  // namespace

Resolver::Resolver() {
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) throw std::runtime_error("c-ares does not start");
    renew();
}

Resolver::~Resolver() {
    if (channel_) ares_destroy(channel_);
    ares_library_cleanup();
}

void Resolver::renew() {
    if (channel_) ares_destroy(channel_);
    channel_ = nullptr;
    ares_options options{};
    options.flags = ARES_FLAG_NOSEARCH;
    options.timeout = kTimeoutMs;
    options.tries = kTries;
    if (ares_init_options(&channel_, &options, ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES) != ARES_SUCCESS)
        throw std::runtime_error("c-ares: no channel");
    made_ = steady_clock::now();
}

void Resolver::resolve(const std::string& host, std::function<void(Resolved)> done) {
    if (const auto literal = IpAddress::parse(host)) return done({{literal.value()}, {}});
    if (pending_ == 0 && steady_clock::now() - made_ > kRenewAfter) renew();
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    ++pending_;
    auto question = std::make_unique<Question>(Question{pending_, std::move(done)});
    ares_getaddrinfo(channel_, host.c_str(), nullptr, &hints, on_answer, question.release());
}

std::vector<curl_waitfd> Resolver::sockets() const {
    std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> fds{};
    const int bits = ares_getsock(channel_, fds.data(), static_cast<int>(fds.size()));
    std::vector<curl_waitfd> all;
    for (unsigned i = 0; i < fds.size(); ++i) {
        const short events = static_cast<short>((ARES_GETSOCK_READABLE(bits, i) ? CURL_WAIT_POLLIN : 0) |
                                                (ARES_GETSOCK_WRITABLE(bits, i) ? CURL_WAIT_POLLOUT : 0));
        if (events != 0) all.push_back({fds[i], events, 0});
    }
    return all;
}

std::optional<milliseconds> Resolver::timeout() const {
    if (pending_ == 0) return std::nullopt;
    timeval wait{};
    if (!ares_timeout(channel_, nullptr, &wait)) return std::nullopt;
    return milliseconds(wait.tv_sec * 1'000 + wait.tv_usec / 1'000 + 1);
}

void Resolver::process(const std::vector<curl_waitfd>& ready) {
    if (pending_ == 0) return;
    for (const curl_waitfd& one : ready) {
        ares_process_fd(channel_, (one.revents & CURL_WAIT_POLLIN) ? one.fd : ARES_SOCKET_BAD,
                        (one.revents & CURL_WAIT_POLLOUT) ? one.fd : ARES_SOCKET_BAD);
    }
    ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // what has taken too long
}

}  // namespace edge::broker::webhooks
