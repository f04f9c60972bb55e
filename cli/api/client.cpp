#include "cli/api/client.hpp"

#include <curl/curl.h>
#include <poll.h>

#include <algorithm>
#include <optional>

#include "cli/api/problem.hpp"

namespace edge::cli {
namespace {

constexpr std::size_t kLargestReply = 64 * 1024 * 1024;
constexpr long kConnectSeconds = 10;
constexpr long kSilentSeconds = 45;  // an event stream has a heartbeat each 15 s
constexpr std::chrono::milliseconds kTick{100};

struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, FreeList>;

void add(List& list, const std::string& line) {
    if (curl_slist* longer = curl_slist_append(list.get(), line.c_str())) {
        list.release();
        list.reset(longer);
    }
}

std::string cursor_in(const Json& page) {
    const auto at = page.find("next_cursor");
    return at != page.end() && at->is_string() ? at->get<std::string>() : std::string();
}

}  // namespace

struct Client::Handles {
    CURLM* multi = curl_multi_init();
    CURL* easy = curl_easy_init();
    ~Handles() {
        curl_easy_cleanup(easy);
        curl_multi_cleanup(multi);
    }
};

struct Client::Transfer {
    CURL* easy = nullptr;
    Reply reply;
    const std::function<bool(std::string_view)>* sink = nullptr;
    bool too_large = false;

    static std::size_t write(char* data, std::size_t, std::size_t size, void* self) {
        auto& transfer = *static_cast<Transfer*>(self);
        long status = 0;
        curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
        if (transfer.sink && status == 200) return (*transfer.sink)({data, size}) ? size : 0;
        transfer.too_large = transfer.reply.body.size() + size > kLargestReply;
        if (transfer.too_large) return 0;
        transfer.reply.body.append(data, size);
        return size;
    }
};

Client::Client(Environment environment, Signals& signals)
    : environment_(std::move(environment)), signals_(signals), handles_(std::make_unique<Handles>()) {}
Client::~Client() = default;

Exchange<Reply> Client::call(const Request& request, const Tick& tick) {
    Transfer transfer;
    return perform(request, transfer, tick);
}

Exchange<Reply> Client::stream(const Request& request, const std::function<bool(std::string_view)>& sink,
                               const Tick& tick) {
    Transfer transfer;
    transfer.sink = &sink;
    return perform(request, transfer, tick);
}

Exchange<Reply> Client::perform(const Request& request, Transfer& transfer, const Tick& tick) {
    CURL* easy = handles_->easy;
    curl_easy_reset(easy);  // connections stay open
    transfer.easy = easy;
    List headers;
    add(headers, "Authorization: Bearer " + environment_.token);
    add(headers, "Expect:");
    if (!request.body.empty()) add(headers, "Content-Type: application/json");
    for (const auto& [name, value] : request.headers) add(headers, name + ": " + value);

    curl_easy_setopt(easy, CURLOPT_URL, (environment_.url + request.path).c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "edgectl/" EDGE_VERSION);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, kSilentSeconds);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::write);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
    if (environment_.is_loopback) curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (!environment_.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, environment_.ca_file.c_str());
    if (request.method != "GET") curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    if (!request.body.empty() || request.method == "POST") {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
    }
    char why[CURL_ERROR_SIZE]{};
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, why);

    curl_multi_add_handle(handles_->multi, easy);
    std::optional<CURLcode> ended;
    std::optional<Lost> given_up;
    while (!ended && !given_up) {
        int running = 0;
        curl_multi_perform(handles_->multi, &running);
        int left = 0;
        while (const CURLMsg* message = curl_multi_info_read(handles_->multi, &left)) {
            if (message->msg == CURLMSG_DONE) ended = message->data.result;
        }
        if (signals_.came()) given_up = Lost::interrupted;
        if (!given_up && tick && !tick()) given_up = Lost::stopped;
        if (ended || given_up) break;
        curl_waitfd signal{signals_.fd(), CURL_WAIT_POLLIN, 0};
        curl_multi_poll(handles_->multi, signals_.fd() >= 0 ? &signal : nullptr, signals_.fd() >= 0 ? 1 : 0,
                        static_cast<int>(kTick.count()), nullptr);
    }
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(handles_->multi, easy);
    if (given_up && !ended) return Loss{*given_up, {}};
    transfer.reply.status = static_cast<int>(status);
    if (transfer.too_large) return Loss{Lost::broken, "the answer is larger than 64 MiB"};
    if (*ended == CURLE_OK) return std::move(transfer.reply);
    const std::string text = why[0] ? why : curl_easy_strerror(*ended);
    return Loss{status == 0 ? Lost::unreachable : Lost::broken, text};
}

bool Client::sleep(std::chrono::milliseconds time, const Tick& tick) {
    const auto until = Clock::now() + time;
    while (true) {
        if (signals_.came() || (tick && !tick())) return false;
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
        if (left.count() <= 0) return true;
        pollfd signal{signals_.fd(), POLLIN, 0};  // a negative descriptor is ignored
        poll(&signal, 1, static_cast<int>(std::min(left, kTick).count()));
    }
}

Answer<Json> Client::get(const std::string& path) {
    const auto reply = call({.path = path});
    if (!reply) return trouble(reply.error());
    if (reply.value().status != 200) return trouble_of(reply.value().status, reply.value().body);
    return json_of(reply.value().body);
}

Answer<std::vector<Json>> Client::list(const std::string& path, std::size_t limit) {
    std::vector<Json> items;
    std::string cursor;
    constexpr std::size_t kMostAPage = 500;
    do {
        std::string query = (path.find('?') == std::string::npos ? "?limit=" : "&limit=") +
                            std::to_string(std::min(limit - items.size(), kMostAPage));
        if (!cursor.empty()) query += "&cursor=" + percent_encoded(cursor);
        EDGE_TRY(const auto page, get(path + query));
        if (!page.is_object() || !page.contains("items") || !page["items"].is_array())
            return Trouble{ExitCode::error, "the broker's answer to " + path + " is no list"};
        for (const auto& item : page["items"]) items.push_back(item);
        const std::string next = cursor_in(page);
        if (next == cursor || page["items"].empty()) break;
        cursor = next;
    } while (!cursor.empty() && items.size() < limit);
    if (items.size() > limit) items.resize(limit);
    return items;
}

Trouble Client::trouble(const Loss& loss) const {
    switch (loss.how) {
        case Lost::interrupted:
            return Trouble{ExitCode::interrupted, "interrupted"};
        case Lost::stopped:
            return Trouble{ExitCode::wait_timed_out, "no answer in the time given by --timeout"};
        case Lost::broken:
            return Trouble{ExitCode::error, "the connection to " + environment_.url + " broke: " + loss.text,
                           "try again"};
        case Lost::unreachable:
            break;
    }
    return Trouble{
        ExitCode::error, "cannot reach the broker at " + environment_.url + ": " + loss.text,
        "is edge-broker running there? EDGE_URL says where edgectl looks; EDGE_CA_FILE which certificate it trusts"};
}

Answer<Json> json_of(std::string_view body) {
    auto json = parse_json(body, JsonLimits{.bytes = kLargestReply, .depth = 40, .values = 4'000'000});
    if (!json)
        return Trouble{ExitCode::error, "the broker's answer is not JSON: " + json.error().message(),
                       "is EDGE_URL that of an edge-broker?"};
    return std::move(json.value());
}

std::string percent_encoded(std::string_view text) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '.' || c == '_' || c == '~';
        if (plain) {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
        }
    }
    return out;
}

}  // namespace edge::cli
