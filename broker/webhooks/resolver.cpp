#include "broker/webhooks/resolver.hpp"

#include <ares.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "broker/webhooks/socket_address.hpp"

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

void on_answer(void* data, int status, int, ares_addrinfo* found) {
    const std::unique_ptr<Question> question(static_cast<Question*>(data));
    --question->pending;
    Resolved resolved;
    for (const auto* node = found ? found->nodes : nullptr; node; node = node->ai_next) {
        if (const auto address = address_of(*node->ai_addr)) resolved.addresses.push_back(*address);
    }
    ares_freeaddrinfo(found);
    if (resolved.addresses.empty())
        resolved.error = status == ARES_SUCCESS ? "the name has no address" : ares_strerror(status);
    question->done(std::move(resolved));
}

}  // namespace

/// Knows the name servers that were in resolv.conf when it was made.
class Resolver::Channel {
  public:
    Channel() {
        ares_options options{};
        options.flags = ARES_FLAG_NOSEARCH;
        options.timeout = kTimeoutMs;
        options.tries = kTries;
        if (ares_init_options(&raw_, &options, ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES) != ARES_SUCCESS)
            throw std::runtime_error("c-ares: no channel");
    }
    ~Channel() { ares_destroy(raw_); }
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    bool is_idle() const { return pending_ == 0; }
    void ask(const std::string& host, std::function<void(Resolved)> done) {
        ares_addrinfo_hints hints{};
        hints.ai_family = AF_UNSPEC;
        hints.ai_socktype = SOCK_STREAM;
        ++pending_;
        auto question = std::make_unique<Question>(Question{pending_, std::move(done)});
        ares_getaddrinfo(raw_, host.c_str(), nullptr, &hints, on_answer, question.release());
    }
    void add_sockets(std::vector<curl_waitfd>& all) const {
        std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> fds{};
        const int bits = ares_getsock(raw_, fds.data(), static_cast<int>(fds.size()));
        for (unsigned i = 0; i < fds.size(); ++i) {
            const short events = static_cast<short>((ARES_GETSOCK_READABLE(bits, i) ? CURL_WAIT_POLLIN : 0) |
                                                    (ARES_GETSOCK_WRITABLE(bits, i) ? CURL_WAIT_POLLOUT : 0));
            if (events != 0) all.push_back({fds[i], events, 0});
        }
    }
    std::optional<milliseconds> timeout() const {
        if (is_idle()) return std::nullopt;
        timeval wait{};
        if (!ares_timeout(raw_, nullptr, &wait)) return std::nullopt;
        return milliseconds(wait.tv_sec * 1'000 + wait.tv_usec / 1'000 + 1);
    }
    /// A socket of another channel is none of it, and nothing happens.
    void process(const std::vector<curl_waitfd>& ready) {
        if (is_idle()) return;
        for (const curl_waitfd& one : ready) {
            ares_process_fd(raw_, (one.revents & CURL_WAIT_POLLIN) ? one.fd : ARES_SOCKET_BAD,
                            (one.revents & CURL_WAIT_POLLOUT) ? one.fd : ARES_SOCKET_BAD);
        }
        ares_process_fd(raw_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // what has taken too long
    }

  private:
    ares_channeldata* raw_ = nullptr;
    std::size_t pending_ = 0;
};

Resolver::Resolver() {
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) throw std::runtime_error("c-ares does not start");
    current_ = std::make_unique<Channel>();
    made_ = steady_clock::now();
}

Resolver::~Resolver() {
    old_.reset();
    current_.reset();
    ares_library_cleanup();
}

void Resolver::resolve(const std::string& host, std::function<void(Resolved)> done) {
    if (const auto literal = IpAddress::parse(host)) return done({{literal.value()}, {}});
    if (!old_ && steady_clock::now() - made_ > kRenewAfter) {
        old_ = std::exchange(current_, std::make_unique<Channel>());
        made_ = steady_clock::now();
    }
    current_->ask(host, std::move(done));
}

std::vector<curl_waitfd> Resolver::sockets() const {
    std::vector<curl_waitfd> all;
    current_->add_sockets(all);
    if (old_) old_->add_sockets(all);
    return all;
}

std::optional<milliseconds> Resolver::timeout() const {
    const auto wait = current_->timeout();
    const auto old_wait = old_ ? old_->timeout() : std::nullopt;
    return wait && old_wait ? std::min(*wait, *old_wait) : wait ? wait : old_wait;
}

void Resolver::process(const std::vector<curl_waitfd>& ready) {
    current_->process(ready);
    if (!old_) return;
    old_->process(ready);
    if (old_->is_idle()) old_.reset();
}

}  // namespace edge::broker::webhooks
