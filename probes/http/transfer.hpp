// One request over one fresh connection to one vetted address, and its answer.
#pragma once
#include <curl/curl.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "probes/http/http_engine.hpp"
#include "probes/http/redirect.hpp"
#include "probes/http/response_head.hpp"
#include "probes/http/tls_facts.hpp"

namespace edge::probes {

struct TransferPlan {
    HttpRequest request;
    IpAddress address;  // vetted; the port is the URL's
    HttpVersion version = HttpVersion::automatic;
    bool verify = true;
    std::uint64_t max_bytes = 0;   // of body read; then it stops, and that is no failure
    std::uint64_t keep_bytes = 0;  // of body kept
};

/// Owns: the easy handle and, through the engine, its connection. Executor: the io_context's one thread.
/// Cancel: destroy it.
class Transfer {
  public:
    /// `phase` tells `connect`, `tls` and `first_byte` with their microseconds as they end.
    Transfer(HttpEngine& engine, TransferPlan plan, std::function<void(const char* phase, std::uint64_t us)> phase);
    ~Transfer();
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    void start(std::function<void()> finished);

    /// After it has finished, or when it is given up: what is known of the answer.
    HttpHop hop() const;
    /// Empty after a good end.
    std::optional<Failure> failure() const;
    const std::string& body() const { return body_; }
    bool body_truncated() const { return is_body_cut_; }
    std::optional<SocketFacts> socket() const { return record_->facts; }
    /// connect, tls, wait or read.
    const char* phase() const { return phase_; }

  private:
    void set_options();
    void set_request();
    void set_headers();
    HttpTimings timings() const;

    static curl_socket_t on_open(void* self, curlsocktype purpose, curl_sockaddr* address);
    static CURLcode on_tls(CURL*, void* context, void* self);
    static int on_connected(void* self, char*, char*, int, int);
    static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
    static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);

    HttpEngine& engine_;
    TransferPlan plan_;
    std::function<void(const char*, std::uint64_t)> tell_phase_;
    CURL* easy_ = nullptr;
    curl_slist* headers_ = nullptr;
    curl_slist* connect_to_ = nullptr;
    char error_text_[CURL_ERROR_SIZE]{};
    TlsWatch tls_;
    ResponseHead head_;
    std::string head_problem_;
    std::string body_;
    std::uint64_t body_bytes_ = 0;
    bool is_body_cut_ = false;
    std::shared_ptr<SocketRecord> record_;
    CURLcode code_ = CURLE_OK;
    const char* phase_ = "connect";
    // libcurl tells no time of a connection whose TLS fails.
    std::optional<std::chrono::steady_clock::time_point> opened_;
    std::optional<std::chrono::steady_clock::time_point> tls_began_;
};

}  // namespace edge::probes
