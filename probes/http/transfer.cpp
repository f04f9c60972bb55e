#include "probes/http/transfer.hpp"

#include <strings.h>

#include <algorithm>
#include <stdexcept>

#include "probes/http/transfer_failure.hpp"
#include "protocol/json/described.hpp"

namespace edge::probes {
namespace {

constexpr char kUserAgent[] = "edge-probe/" EDGE_VERSION " (network measurement)";

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

std::uint64_t info_us(CURL* easy, CURLINFO what) {
    curl_off_t value = 0;
    curl_easy_getinfo(easy, what, &value);
    return static_cast<std::uint64_t>(std::max<curl_off_t>(0, value));
}

/// The later minus the earlier phase; nothing when the later was not reached.
std::optional<std::uint64_t> between(std::uint64_t earlier, std::uint64_t later) {
    if (later == 0) return std::nullopt;
    return later > earlier ? later - earlier : 0;
}

bool has_header(const HttpRequest& request, const char* name) {
    return std::any_of(request.headers.begin(), request.headers.end(),
                       [&](const HttpHeader& header) { return strcasecmp(header.name.c_str(), name) == 0; });
}

}  // namespace

Transfer::Transfer(HttpEngine& engine, TransferPlan plan, std::function<void(const char*, std::uint64_t)> phase)
    : engine_(engine),
      plan_(std::move(plan)),
      tell_phase_(std::move(phase)),
      easy_(curl_easy_init()),
      tls_(plan_.request.url.host, plan_.verify),
      record_(
          std::make_shared<SocketRecord>(SocketRecord{Endpoint{plan_.address, plan_.request.url.port}, std::nullopt})) {
    if (!easy_) throw std::bad_alloc();
}

Transfer::~Transfer() {
    engine_.remove(easy_);
    curl_easy_cleanup(easy_);
    curl_slist_free_all(headers_);
    curl_slist_free_all(connect_to_);
}

void Transfer::start(std::function<void()> finished) {
    set_options();
    set_request();
    set_headers();
    engine_.add(easy_, [this, finished = std::move(finished)](CURLcode code) {
        code_ = code;
        finished();
    });
}

void Transfer::set_options() {
    set(easy_, CURLOPT_URL, plan_.request.url.text.c_str());
    set(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
    set(easy_, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    set(easy_, CURLOPT_FOLLOWLOCATION, 0L);  // redirect.hpp does, and vets each
    set(easy_, CURLOPT_PROXY, "");           // also keeps the environment's away
    set(easy_, CURLOPT_NOPROXY, "*");
    set(easy_, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(easy_, CURLOPT_HTTP09_ALLOWED, 0L);
    set(easy_, CURLOPT_UNRESTRICTED_AUTH, 0L);
    set(easy_, CURLOPT_NOSIGNAL, 1L);
    set(easy_, CURLOPT_FRESH_CONNECT, 1L);  // each task measures a connection of its own
    set(easy_, CURLOPT_FORBID_REUSE, 1L);
    set(easy_, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    set(easy_, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    set(easy_, CURLOPT_ERRORBUFFER, error_text_);
    set(easy_, CURLOPT_USERAGENT, kUserAgent);
    // The connection goes to the vetted address whatever the host's name is: no second resolving, no resolver thread.
    const IpAddress& to = plan_.address;
    append(connect_to_,
           "::" + (to.v6 ? "[" + to.text() + "]" : to.text()) + ":" + std::to_string(plan_.request.url.port));
    set(easy_, CURLOPT_CONNECT_TO, connect_to_);
    set(easy_, CURLOPT_OPENSOCKETFUNCTION, &Transfer::on_open);
    set(easy_, CURLOPT_OPENSOCKETDATA, this);
    set(easy_, CURLOPT_CLOSESOCKETFUNCTION, &HttpEngine::close_callback);
    set(easy_, CURLOPT_CLOSESOCKETDATA, &engine_);
    set(easy_, CURLOPT_PREREQFUNCTION, &Transfer::on_connected);
    set(easy_, CURLOPT_PREREQDATA, this);
    set(easy_, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    set(easy_, CURLOPT_HEADERDATA, this);
    set(easy_, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(easy_, CURLOPT_WRITEDATA, this);
    set(easy_, CURLOPT_CAINFO, static_cast<const char*>(nullptr));  // on_tls puts our store in
    set(easy_, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    set(easy_, CURLOPT_SSL_CTX_FUNCTION, &Transfer::on_tls);
    set(easy_, CURLOPT_SSL_CTX_DATA, this);
    set(easy_, CURLOPT_SSL_VERIFYPEER, plan_.verify ? 1L : 0L);
    set(easy_, CURLOPT_SSL_VERIFYHOST, plan_.verify ? 2L : 0L);
}

void Transfer::set_request() {
    const bool is_https = plan_.request.url.is_https;
    switch (plan_.version) {
        case HttpVersion::http1:
            set(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
            break;
        case HttpVersion::http2:  // without TLS there is no ALPN: the server is taken at our word (RFC 9113
                                  // section 3.3)
            set(easy_, CURLOPT_HTTP_VERSION,
                static_cast<long>(is_https ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE));
            break;
        case HttpVersion::automatic:
            set(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
            break;
    }
    const HttpMethod method = plan_.request.method;
    const std::string& body = plan_.request.body;
    if (method == HttpMethod::HEAD) {
        set(easy_, CURLOPT_NOBODY, 1L);
        return;
    }
    if (!body.empty() || method == HttpMethod::POST || method == HttpMethod::PUT || method == HttpMethod::PATCH) {
        set(easy_, CURLOPT_POST, 1L);
        set(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
        set(easy_, CURLOPT_POSTFIELDS, body.c_str());  // not copied: plan_ outlives the handle
    }
    set(easy_, CURLOPT_CUSTOMREQUEST, std::string(enum_text(method)).c_str());
}

void Transfer::set_headers() {
    for (const auto& [name, value] : plan_.request.headers)
        append(headers_, value.empty() ? name + ";" : name + ": " + value);
    append(headers_, "Expect:");
    if (!has_header(plan_.request, "content-type")) append(headers_, "Content-Type:");
    set(easy_, CURLOPT_HTTPHEADER, headers_);
}

curl_socket_t Transfer::on_open(void* self, curlsocktype purpose, curl_sockaddr* address) {
    auto& transfer = *static_cast<Transfer*>(self);
    const auto peer = from_sockaddr(&address->addr, address->addrlen);
    const bool is_vetted = purpose == CURLSOCKTYPE_IPCXN && peer && peer->address == transfer.plan_.address &&
                           peer->port == transfer.plan_.request.url.port;
    if (!is_vetted)
        return CURL_SOCKET_BAD;  // the second look: whatever libcurl made of the URL, nothing else is spoken to
    transfer.opened_ = std::chrono::steady_clock::now();
    return transfer.engine_.open(*address, transfer.record_);
}

CURLcode Transfer::on_tls(CURL*, void* context, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    transfer.phase_ = "tls";
    transfer.tls_began_ = std::chrono::steady_clock::now();
    transfer.tls_.attach(static_cast<SSL_CTX*>(context), transfer.engine_.trust());
    return CURLE_OK;
}

int Transfer::on_connected(void* self, char*, char*, int, int) {
    auto& transfer = *static_cast<Transfer*>(self);
    transfer.phase_ = "wait";
    const HttpTimings so_far = transfer.timings();
    if (so_far.connect_us) transfer.tell_phase_("connect", *so_far.connect_us);
    if (so_far.tls_us) transfer.tell_phase_("tls", *so_far.tls_us);
    return CURL_PREREQFUNC_OK;
}

std::size_t Transfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const bool is_first = transfer.head_.bytes() == 0;
    transfer.phase_ = "read";
    switch (transfer.head_.add(std::string_view(data, size * count))) {
        case ResponseHead::Verdict::fine:
            break;
        case ResponseHead::Verdict::too_many_headers:
            transfer.head_problem_ = "too_many_headers";
            return 0;
        case ResponseHead::Verdict::headers_too_large:
            transfer.head_problem_ = "headers_too_large";
            return 0;
        case ResponseHead::Verdict::too_many_interim:
            transfer.head_problem_ = "too_many_interim_answers";
            return 0;
    }
    if (is_first) {
        const std::uint64_t sent = info_us(transfer.easy_, CURLINFO_PRETRANSFER_TIME_T);
        const std::uint64_t first = info_us(transfer.easy_, CURLINFO_STARTTRANSFER_TIME_T);
        if (const auto us = between(sent, first)) transfer.tell_phase_("first_byte", *us);
    }
    return size * count;
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::uint64_t room = transfer.plan_.max_bytes - transfer.body_bytes_;
    const std::uint64_t taken = std::min<std::uint64_t>(room, size * count);
    transfer.body_bytes_ += taken;
    const std::uint64_t kept = std::min<std::uint64_t>(taken, transfer.plan_.keep_bytes - transfer.body_.size());
    transfer.body_.append(data, kept);
    transfer.is_body_cut_ = taken < size * count;
    return taken;  // less than came ends the transfer
}

HttpTimings Transfer::timings() const {
    const std::uint64_t connected = info_us(easy_, CURLINFO_CONNECT_TIME_T);
    const std::uint64_t secured = info_us(easy_, CURLINFO_APPCONNECT_TIME_T);
    const std::uint64_t sent = info_us(easy_, CURLINFO_PRETRANSFER_TIME_T);
    const std::uint64_t first = info_us(easy_, CURLINFO_STARTTRANSFER_TIME_T);
    HttpTimings timings;
    timings.total_us = info_us(easy_, CURLINFO_TOTAL_TIME_T);
    timings.connect_us = between(info_us(easy_, CURLINFO_NAMELOOKUP_TIME_T), connected);
    if (!timings.connect_us && opened_ && tls_began_) {
        const auto took = std::chrono::duration_cast<std::chrono::microseconds>(*tls_began_ - *opened_);
        timings.connect_us = static_cast<std::uint64_t>(took.count());
    }
    timings.tls_us = between(connected, secured);
    if (head_.bytes() == 0) return timings;
    timings.first_byte_us = between(sent, first);
    if (timings.first_byte_us) timings.transfer_us = between(first, std::max(first, timings.total_us));
    return timings;
}

HttpHop Transfer::hop() const {
    HttpHop hop;
    hop.url = plan_.request.url.text;
    hop.peer = text(record_->peer);
    hop.status = head_.status();
    hop.reason = head_.reason();
    hop.protocol = head_.protocol();
    hop.headers = head_.headers();
    hop.header_bytes = head_.bytes();
    hop.body_bytes = body_bytes_;
    hop.timings = timings();
    if (tls_.saw_anything()) hop.tls = tls_.facts();
    return hop;
}

std::optional<Failure> Transfer::failure() const {
    if (code_ == CURLE_OK || (is_body_cut_ && code_ == CURLE_WRITE_ERROR)) return std::nullopt;
    long os_errno = 0;
    curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &os_errno);
    const bool is_refused = plan_.verify || tls_.has_refused();
    const std::string problem = is_refused ? tls_.certificate_problem() : std::string();
    return transfer_failure(
        TransferEnd{code_, os_errno, phase_, error_text_, text(record_->peer), tls_.alert(), problem, head_problem_});
}

}  // namespace edge::probes
