#include "probes/http/http_engine.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <vector>

#include "probes/reactor/line_device.hpp"

namespace edge::probes {

HttpEngine::HttpEngine(boost::asio::io_context& io, TrustStore trust) : io_(io), timer_(io), trust_(std::move(trust)) {
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) throw std::runtime_error("libcurl does not start");
    multi_ = curl_multi_init();
    if (!multi_) throw std::runtime_error("libcurl: no multi handle");
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &HttpEngine::socket_callback);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &HttpEngine::timer_callback);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);  // no task shares another's connection
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 1L);
}

HttpEngine::~HttpEngine() {
    *alive_ = false;
    for (const auto& [easy, finished] : running_) curl_multi_remove_handle(multi_, easy);
    curl_multi_cleanup(multi_);
    for (auto& [fd, socket] : sockets_) {
        if (socket.watch) socket.watch->forget();
    }
}

void HttpEngine::add(CURL* easy, std::function<void(CURLcode)> finished) {
    running_[easy] = std::move(finished);
    const CURLMcode code = curl_multi_add_handle(multi_, easy);  // asks for a timeout of 0, which starts it
    if (code == CURLM_OK) return;
    running_.erase(easy);
    throw std::runtime_error(std::string("libcurl: ") + curl_multi_strerror(code));
}

void HttpEngine::remove(CURL* easy) {
    if (running_.erase(easy) > 0) curl_multi_remove_handle(multi_, easy);
}

curl_socket_t HttpEngine::open(const curl_sockaddr& address, std::shared_ptr<SocketRecord> record) {
    const int fd = ::socket(address.family, address.socktype | SOCK_CLOEXEC, address.protocol);
    if (fd < 0) return CURL_SOCKET_BAD;
    if (bind_to_line(fd) != 0) {
        ::close(fd);
        return CURL_SOCKET_BAD;
    }
    sockets_[fd] = Socket{std::move(record), nullptr};
    return fd;
}

int HttpEngine::close_callback(void* engine, curl_socket_t fd) {
    auto& self = *static_cast<HttpEngine*>(engine);
    if (const auto at = self.sockets_.find(fd); at != self.sockets_.end()) {
        if (at->second.watch) at->second.watch->forget();
        if (!at->second.record->facts) at->second.record->facts = socket_facts(fd, at->second.record->peer);
        self.sockets_.erase(at);
    }
    return ::close(fd);
}

int HttpEngine::socket_callback(CURL*, curl_socket_t fd, int what, void* engine, void*) {
    static_cast<HttpEngine*>(engine)->watch(fd, what);
    return 0;
}

/// CURL_POLL_REMOVE is not a close: the watch goes, the socket stays until close_callback.
void HttpEngine::watch(curl_socket_t fd, int what) {
    const auto at = sockets_.find(fd);
    if (at == sockets_.end()) return;  // not one of ours: libcurl opened it for itself
    Socket& socket = at->second;
    if (!socket.record->facts) socket.record->facts = socket_facts(fd, socket.record->peer);
    if (what == CURL_POLL_REMOVE) {
        if (socket.watch) socket.watch->forget();
        socket.watch.reset();
        return;
    }
    if (!socket.watch) {
        auto ready = [this, alive = alive_](int ready_fd, FdWatch::Ready is) {
            if (*alive) act(ready_fd, (is.read ? CURL_CSELECT_IN : 0) | (is.write ? CURL_CSELECT_OUT : 0));
        };
        socket.watch = std::make_shared<FdWatch>(io_, fd, std::move(ready));
    }
    socket.watch->want((what & CURL_POLL_IN) != 0, (what & CURL_POLL_OUT) != 0);
}

/// Only notes the time: libcurl must not be called from inside its own callback.
int HttpEngine::timer_callback(CURLM*, long timeout_ms, void* engine) {
    auto& self = *static_cast<HttpEngine*>(engine);
    if (timeout_ms < 0) {
        self.timer_.cancel();
        return 0;
    }
    self.timer_.expires_after(std::chrono::milliseconds(timeout_ms));
    self.timer_.async_wait([&self, alive = self.alive_](boost::system::error_code error) {
        if (!error && *alive) self.act(CURL_SOCKET_TIMEOUT, 0);
    });
    return 0;
}

void HttpEngine::act(curl_socket_t fd, int events) {
    int still_running = 0;
    curl_multi_socket_action(multi_, fd, events, &still_running);
    collect_finished();
}

void HttpEngine::collect_finished() {
    std::vector<std::pair<CURL*, CURLcode>> over;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
        if (message->msg == CURLMSG_DONE) over.emplace_back(message->easy_handle, message->data.result);
    }
    for (const auto& [easy, code] : over) {
        const auto at = running_.find(easy);
        if (at == running_.end()) continue;  // removed by the one before
        const auto finished = std::move(at->second);
        running_.erase(at);
        curl_multi_remove_handle(multi_, easy);
        finished(code);
    }
}

}  // namespace edge::probes
