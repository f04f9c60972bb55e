#include "cli/commands/webhook_listen.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <ctime>

#include "cli/api/problem.hpp"
#include "cli/commands/things.hpp"
#include "protocol/crypto/keys.hpp"

namespace edge::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{5};  // for one message
constexpr std::size_t kMostMessage = 64 * 1'024;
constexpr std::uint64_t kTtlMs = 12ULL * 3'600 * 1'000;  // if this is killed, the endpoint goes by itself
constexpr std::int64_t kTolerance_s = 300;

class Socket {
  public:
    explicit Socket(int fd) : fd_(fd) {}
    Socket(Socket&&) = delete;
    ~Socket() {
        if (fd_ >= 0) ::close(fd_);
    }
    int fd() const { return fd_; }

  private:
    int fd_;
};

std::uint16_t listen_on_loopback(const Socket& socket) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    auto* generic = reinterpret_cast<sockaddr*>(&at);
    const bool listens = ::bind(socket.fd(), generic, size) == 0 && ::listen(socket.fd(), 16) == 0 &&
                         ::getsockname(socket.fd(), generic, &size) == 0;
    return listens ? ntohs(at.sin_port) : std::uint16_t{0};
}

struct Message {
    std::string id, timestamp, signatures, body;
};

std::string field_of(std::string_view head, std::string_view name) {
    const auto small = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    while (!head.empty()) {
        const auto end = head.find("\r\n");
        const std::string_view line = head.substr(0, end);
        head.remove_prefix(end == std::string_view::npos ? head.size() : end + 2);
        const auto colon = line.find(':');
        if (colon != name.size()) continue;
        const bool is_it =
            std::equal(name.begin(), name.end(), line.begin(), [&](char a, char b) { return a == small(b); });
        if (!is_it) continue;
        const auto begin = line.find_first_not_of(' ', colon + 1);
        return begin == std::string_view::npos ? std::string() : std::string(line.substr(begin));
    }
    return {};
}

/// One request, within bounds of time and size; nothing of what is none.
std::optional<Message> read_message(int fd) {
    const auto until = Clock::now() + kPatience;
    std::string text;
    std::array<char, 4'096> some{};
    std::size_t wanted = kMostMessage;
    while (text.size() < wanted) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
        pollfd waits{fd, POLLIN, 0};
        if (left <= 0 || ::poll(&waits, 1, static_cast<int>(left)) <= 0) return std::nullopt;
        const ssize_t came = ::read(fd, some.data(), some.size());
        if (came <= 0) return std::nullopt;
        text.append(some.data(), static_cast<std::size_t>(came));
        const auto head = text.find("\r\n\r\n");
        if (head == std::string::npos || wanted != kMostMessage) continue;
        const std::string length = field_of(text, "content-length");
        std::size_t body = 0;
        const auto [end, failed] = std::from_chars(length.data(), length.data() + length.size(), body);
        if (failed != std::errc{} || end != length.data() + length.size() || head + 4 + body >= kMostMessage)
            return std::nullopt;
        wanted = head + 4 + body;
    }
    const auto head = text.find("\r\n\r\n");
    if (head == std::string::npos || text.size() != wanted) return std::nullopt;
    return Message{field_of(text, "webhook-id"), field_of(text, "webhook-timestamp"),
                   field_of(text, "webhook-signature"), text.substr(head + 4)};
}

/// Empty: one of the signatures holds. Source: Standard Webhooks 1.0.0, "Verifying webhook authenticity".
std::string what_is_wrong(const Message& message, const Bytes& secret) {
    std::int64_t sent = 0;
    const auto& time = message.timestamp;
    const auto [end, failed] = std::from_chars(time.data(), time.data() + time.size(), sent);
    if (failed != std::errc{} || end != time.data() + time.size()) return "no time";
    if (std::llabs(now_seconds() - sent) > kTolerance_s) return "more than five minutes old";
    const std::string signed_text = message.id + "." + time + "." + message.body;
    const std::string right = "v1," + to_base64(hmac_sha256(secret, as_bytes(signed_text)));
    std::string_view rest = message.signatures;
    while (!rest.empty()) {
        const auto one = rest.substr(0, rest.find(' '));
        if (one.size() == right.size() && equal_in_constant_time(as_bytes(one), as_bytes(right))) return {};
        rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    }
    return "the signature is wrong";
}

void answer(int fd, bool is_good) {
    const std::string_view text = is_good
                                      ? "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
                                      : "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    (void)::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
}

void show(const Message& message, const std::string& wrong, Format format, const Screen& screen) {
    if (!wrong.empty())
        return screen.say(screen.err_style.paint("refused " + printable(message.id) + ": " + wrong, Tone::bad));
    if (format == Format::json || format == Format::jsonl) return screen.print(printable_json(message.body) + "\n");
    const auto event = json_of(message.body);
    if (!event) return screen.say("verified " + printable(message.id) + ", but its body is not JSON");
    const Json& it = event.value();
    screen.print(printable(text_at(it, "time")) + "  " + printable(text_at(it, "type")) + "  " +
                 printable(text_at(it, "subject")) + "  " + printable(message.id) + "  verified\n");
}

}  // namespace

Answer<ExitCode> listen_for_webhooks(const WebhookCommand& command, Client& client, const Screen& screen) {
    const Socket listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const std::uint16_t port = listener.fd() < 0 ? std::uint16_t{0} : listen_on_loopback(listener);
    if (port == 0) return Trouble{ExitCode::error, "no port of 127.0.0.1 can be listened on"};
    const std::string url = "http://127.0.0.1:" + std::to_string(port) + "/";
    Json body = {
        {"url", url}, {"description", "edgectl webhook listen"}, {"ttl_ms", kTtlMs}, {"events", command.events}};
    if (!command.selector.empty()) body["selector"] = command.selector;
    const auto made = client.call({.method = "POST", .path = "/api/v1/webhooks", .body = dump_json(body)});
    if (!made) return client.trouble(made.error());
    if (made.value().status != 201) {
        Trouble trouble = trouble_of(made.value().status, made.value().body);
        const auto problem = json_of(made.value().body);
        const Json wrong = problem ? member(problem.value(), "errors") : Json();
        if (made.value().status == 422 && wrong.is_array() && !wrong.empty() && text_at(wrong[0], "pointer") == "/url")
            trouble.next = "the broker's [webhooks] needs allow_http = true, allow = [\"127.0.0.0/8\"], ports = []";
        return trouble;
    }
    EDGE_TRY(const auto webhook, json_of(made.value().body));
    const std::string id = text_at(webhook, "id");
    const std::string text = text_at(webhook, "secret");
    const auto secret = from_base64(text.starts_with("whsec_") ? text.substr(6) : text);
    if (!secret) return Trouble{ExitCode::error, "the broker gave no secret"};
    screen.say("listening as " + id + " at " + url + "; Ctrl-C ends it\ntry it: edgectl webhook test " + id);
    const auto take_all = [&] {
        while (true) {
            const Socket connection(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC));
            if (connection.fd() < 0) return true;
            const auto message = read_message(connection.fd());
            if (!message) continue;
            const std::string wrong = what_is_wrong(*message, *secret);
            answer(connection.fd(), wrong.empty());
            show(*message, wrong, command.format, screen);
        }
    };
    while (client.sleep(std::chrono::hours(1), take_all)) {
    }
    (void)client.interrupted_again(std::chrono::milliseconds(0));  // the Ctrl-C is answered: the call below is not cut
    const auto removed = client.call({.method = "DELETE", .path = "/api/v1/webhooks/" + id});
    if (!removed) return client.trouble(removed.error());
    screen.say("removed " + id);
    return ExitCode::ok;
}

}  // namespace edge::cli
