// One POST of one message by libcurl, to addresses that were vetted.
// Source: libcurl-security(3); CURLOPT_RESOLVE(3); CURLOPT_OPENSOCKETFUNCTION(3).
#pragma once
#include <curl/curl.h>

#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "broker/webhooks/delivery_plan.hpp"
#include "broker/webhooks/receiver_rule.hpp"

namespace edge::broker::webhooks {

struct TransferPlan {
    ReceiverUrl url;
    std::vector<IpAddress> addresses;  // vetted
    std::vector<HeaderField> headers;
    std::string body;
    std::string ca_file;                  // empty: the system's
    std::chrono::milliseconds head{};     // for the head of the answer
    std::chrono::milliseconds whole{};    // for all of it
    std::chrono::microseconds resolve{};  // what resolving took
};

/// Owns: the easy handle, while it is in `multi`. Executor: the multi handle's thread. Not moved: libcurl points at it.
class Transfer {
  public:
    static constexpr std::size_t kMostHead = 16 * 1'024;
    static constexpr std::size_t kMostBody = 16 * 1'024;
    static constexpr std::size_t kKeptBody = 4 * 1'024;

    Transfer(CURLM* multi, const ReceiverRule& rule, TransferPlan plan);
    ~Transfer();
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    CURL* handle() const { return easy_; }
    /// When it is to be looked at again, while the head has not come.
    std::chrono::steady_clock::time_point head_deadline() const { return head_deadline_; }
    bool has_head() const { return has_head_; }

    /// What came of it, once libcurl says that it is over.
    Answer answer(CURLcode code) const;

  private:
    void set_options();
    std::string error_of(CURLcode code) const;
    static curl_socket_t on_open(void* self, curlsocktype purpose, curl_sockaddr* address);
    static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
    static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
    static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t);

    CURLM* multi_;
    const ReceiverRule& rule_;
    TransferPlan plan_;
    CURL* easy_;
    curl_slist* headers_ = nullptr;
    curl_slist* resolve_ = nullptr;
    std::array<char, CURL_ERROR_SIZE> error_text_{};
    std::chrono::steady_clock::time_point head_deadline_;
    std::string head_;
    std::string body_;
    std::size_t body_bytes_ = 0;
    bool has_head_ = false;
    bool is_refused_ = false;  // by the second look
    bool is_late_ = false;     // the head
    bool is_head_too_large_ = false;
    bool is_body_cut_ = false;
};

}  // namespace edge::broker::webhooks
