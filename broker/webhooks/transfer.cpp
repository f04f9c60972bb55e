#include "broker/webhooks/transfer.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "broker/webhooks/socket_address.hpp"
#include "protocol/cut_text.hpp"

namespace edge::broker::webhooks {
namespace {

using std::chrono::steady_clock;

/// A protection that could not be set is not left out silently.
template <class T>
void set(CURL* easy, CURLoption option, T value) {
    const CURLcode code = curl_easy_setopt(easy, option, value);
    if (code != CURLE_OK) throw std::runtime_error(std::string("libcurl option: ") + curl_easy_strerror(code));
}

void append(curl_slist*& list, const std::string& line) {
    curl_slist* longer = curl_slist_append(list, line.c_str());
    if (!longer) throw std::bad_alloc();
    list = longer;
}

std::string bracketed(const IpAddress& address) {
    return address.v6 ? "[" + address.text() + "]" : address.text();
}

std::uint64_t count_us(std::chrono::microseconds time) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, time.count()));
}

/// Seconds; a date is not taken, and stands for nothing.
std::optional<std::uint64_t> retry_after(const CURL* easy) {
    curl_header* header = nullptr;
    if (curl_easy_header(const_cast<CURL*>(easy), "retry-after", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return std::nullopt;
    const std::string_view text = header->value;
    std::uint64_t seconds = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return seconds;
}

}  // namespace

Transfer::Transfer(CURLM* multi, const ReceiverRule& rule, TransferPlan plan)
    : multi_(multi),
      rule_(rule),
      plan_(std::move(plan)),
      easy_(curl_easy_init()),
      head_deadline_(steady_clock::now() + plan_.head) {
    if (!easy_) throw std::bad_alloc();
    set_options();
    if (curl_multi_add_handle(multi_, easy_) != CURLM_OK) throw std::runtime_error("libcurl: no more transfers");
}

Transfer::~Transfer() {
    curl_multi_remove_handle(multi_, easy_);
    curl_easy_cleanup(easy_);
    curl_slist_free_all(headers_);
    curl_slist_free_all(resolve_);
}

void Transfer::set_options() {
    set(easy_, CURLOPT_URL, plan_.url.text.c_str());
    set(easy_, CURLOPT_PROTOCOLS_STR, rule_.allow_http ? "http,https" : "https");
    set(easy_, CURLOPT_FOLLOWLOCATION, 0L);
    set(easy_, CURLOPT_PROXY, "");  // also keeps the environment's away
    set(easy_, CURLOPT_NOPROXY, "*");
    set(easy_, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(easy_, CURLOPT_HTTP09_ALLOWED, 0L);
    set(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(easy_, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    set(easy_, CURLOPT_NOSIGNAL, 1L);
    set(easy_, CURLOPT_TIMEOUT_MS, static_cast<long>(plan_.whole.count()));
    set(easy_, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(plan_.head.count()));
    set(easy_, CURLOPT_ERRORBUFFER, error_text_.data());
    if (!plan_.ca_file.empty()) set(easy_, CURLOPT_CAINFO, plan_.ca_file.c_str());
    // The name leads to the vetted addresses and to no others, whatever is resolved elsewhere.
    std::string pinned = plan_.url.host + ":" + std::to_string(plan_.url.port) + ":";
    for (const IpAddress& address : plan_.addresses) pinned += (pinned.ends_with(':') ? "" : ",") + bracketed(address);
    if (!IpAddress::parse(plan_.url.host)) append(resolve_, pinned);
    set(easy_, CURLOPT_RESOLVE, resolve_);
    set(easy_, CURLOPT_OPENSOCKETFUNCTION, &Transfer::on_open);
    set(easy_, CURLOPT_OPENSOCKETDATA, this);
    set(easy_, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    set(easy_, CURLOPT_HEADERDATA, this);
    set(easy_, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(easy_, CURLOPT_WRITEDATA, this);
    set(easy_, CURLOPT_NOPROGRESS, 0L);
    set(easy_, CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
    set(easy_, CURLOPT_XFERINFODATA, this);
    for (const HeaderField& field : plan_.headers) append(headers_, field.name + ": " + field.value);
    append(headers_, "Expect:");
    append(headers_, "Accept:");
    set(easy_, CURLOPT_HTTPHEADER, headers_);
    set(easy_, CURLOPT_POST, 1L);
    set(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(plan_.body.size()));
    set(easy_, CURLOPT_POSTFIELDS, plan_.body.c_str());  // not copied: plan_ outlives the handle
}

curl_socket_t Transfer::on_open(void* self, curlsocktype purpose, curl_sockaddr* address) {
    auto& transfer = *static_cast<Transfer*>(self);
    const auto to = address_of(address->addr);
    const bool is_vetted = purpose == CURLSOCKTYPE_IPCXN && to &&
                           std::ranges::find(transfer.plan_.addresses, *to) != transfer.plan_.addresses.end() &&
                           !transfer.rule_.refusal(transfer.plan_.url, *to);
    if (!is_vetted) {
        transfer.is_refused_ = true;
        return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::size_t Transfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::string_view line(data, size * count);
    if (transfer.head_.size() + line.size() > kMostHead) {
        transfer.is_head_too_large_ = true;
        return 0;
    }
    transfer.head_.append(line);
    long status = 0;
    curl_easy_getinfo(transfer.easy_, CURLINFO_RESPONSE_CODE, &status);
    if (line == "\r\n" && status >= 200) transfer.has_head_ = true;
    return line.size();
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::size_t came = size * count;
    const std::size_t room = kKeptBody - transfer.body_.size();
    transfer.body_.append(data, std::min(room, came));
    transfer.body_bytes_ += came;
    transfer.is_body_cut_ = transfer.body_bytes_ > kMostBody;
    return transfer.is_body_cut_ ? 0 : came;  // less than came ends the transfer
}

int Transfer::on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    auto& transfer = *static_cast<Transfer*>(self);
    transfer.is_late_ = !transfer.has_head_ && steady_clock::now() >= transfer.head_deadline_;
    return transfer.is_late_ ? 1 : 0;
}

std::string Transfer::error_of(CURLcode code) const {
    if (code == CURLE_OK || (is_body_cut_ && code == CURLE_WRITE_ERROR)) return {};
    if (is_refused_) return "the address may not be spoken to";
    curl_off_t first_byte_us = 0;
    curl_easy_getinfo(easy_, CURLINFO_STARTTRANSFER_TIME_T, &first_byte_us);
    // A line that libcurl itself takes for too long never comes to on_header().
    const bool is_line_too_long = code == CURLE_OUT_OF_MEMORY && first_byte_us > 0 && !has_head_;
    if (is_head_too_large_ || is_line_too_long) return "the head of the answer is larger than 16 KiB";
    if (is_late_ || (code == CURLE_OPERATION_TIMEDOUT && !has_head_))
        return "no answer within " + std::to_string(plan_.head.count()) + " ms";
    if (code == CURLE_OPERATION_TIMEDOUT)
        return "the answer did not end within " + std::to_string(plan_.whole.count()) + " ms";
    std::string text = error_text_[0] != '\0' ? error_text_.data() : curl_easy_strerror(code);
    cut_text(text, kMaxFailureText);
    return text;
}

Answer Transfer::answer(CURLcode code) const {
    Answer answer;
    AttemptView& attempt = answer.attempt;
    attempt.url = plan_.url.text;
    attempt.request_headers = plan_.headers;
    attempt.response_head = head_;
    attempt.response_body = body_;
    attempt.error = error_of(code);
    answer.is_refused = is_refused_;
    answer.is_timeout = is_late_ || code == CURLE_OPERATION_TIMEDOUT;
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    attempt.status = static_cast<std::uint32_t>(std::max(0L, status));
    if (attempt.error.empty() && status >= 300 && status < 400)
        attempt.error = "the receiver answered " + std::to_string(status) + "; redirects are not followed";
    const char* ip = nullptr;
    long port = 0;
    curl_easy_getinfo(easy_, CURLINFO_PRIMARY_IP, &ip);
    curl_easy_getinfo(easy_, CURLINFO_PRIMARY_PORT, &port);
    if (ip && *ip != '\0') {
        const auto address = IpAddress::parse(ip);
        attempt.peer = (address ? bracketed(address.value()) : std::string(ip)) + ":" + std::to_string(port);
    }
    const auto at = [this](CURLINFO what) -> std::optional<std::uint64_t> {
        curl_off_t us = 0;
        curl_easy_getinfo(easy_, what, &us);
        if (us <= 0) return std::nullopt;
        return count_us(plan_.resolve) + static_cast<std::uint64_t>(us);
    };
    attempt.times.resolved_us = count_us(plan_.resolve);
    attempt.times.connected_us = at(CURLINFO_CONNECT_TIME_T);
    attempt.times.secured_us = at(CURLINFO_APPCONNECT_TIME_T);
    attempt.times.first_byte_us = at(CURLINFO_STARTTRANSFER_TIME_T);
    attempt.times.total_us = at(CURLINFO_TOTAL_TIME_T).value_or(0);
    answer.retry_after_s = retry_after(easy_);
    return answer;
}

}  // namespace edge::broker::webhooks
