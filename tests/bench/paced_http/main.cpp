// A web client that keeps its own time: it asks when a request is due and not when the answer before it has come, and a
// late answer counts from when its request was due. Prints `name value` a line. RATE 0 asks as fast as answers come.
// With PATH it asks for that instead of `/`, not compressed, and WORDS must stand in each answer.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::string_view kLastChunk = "\r\n0\r\n\r\n";
constexpr std::string_view kLength = "Content-Length: ";

/// What is asked for, and what each answer must have in it.
struct Question {
    std::string request = "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n";
    std::string words = "HTTP/1.1 200 ";

    Question() = default;
    Question(const std::string& path, std::string said)
        : request("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"), words(std::move(said)) {}
};

/// An answer tells its length, or comes in chunks.
bool is_whole(std::string_view answer) {
    const auto body = answer.find("\r\n\r\n");
    if (body == std::string_view::npos) return false;
    const auto length = answer.substr(0, body).find(kLength);
    if (length == std::string_view::npos) return answer.ends_with(kLastChunk);
    return answer.size() - body - 4 == std::strtoul(answer.data() + length + kLength.size(), nullptr, 10);
}

int connected_to(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error(std::string("connect: ") + std::strerror(errno));
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

class Client {
  public:
    Client(std::uint16_t port, double rate, std::size_t connections, Question question)
        : between_(rate > 0 ? std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 / rate))
                            : Clock::duration::zero()),
          question_(std::move(question)) {
        for (std::size_t i = 0; i < connections; ++i) polls_.push_back({connected_to(port), POLLIN, 0});
        due_.resize(connections);
        answers_.resize(connections);
        for (std::size_t i = 0; i < connections; ++i) idle_.push_back(i);
    }

    void run(std::chrono::seconds time) {
        const auto begin = Clock::now();
        auto next = begin;
        while (Clock::now() < begin + time) {
            const auto now = Clock::now();
            while (!idle_.empty() && (between_ == Clock::duration::zero() || next <= now)) {
                ask(between_ == Clock::duration::zero() ? now : next);
                next += between_;
            }
            timespec wait{0, 0};
            if (between_ != Clock::duration::zero() && !idle_.empty())
                wait.tv_nsec = std::max<std::int64_t>((next - Clock::now()) / std::chrono::nanoseconds(1), 0);
            else
                wait.tv_nsec = 10'000'000;
            if (::ppoll(polls_.data(), polls_.size(), &wait, nullptr) > 0) take_answers();
        }
        took_ = std::chrono::duration<double>(Clock::now() - begin).count();
    }

    void print() {
        if (latencies_.empty()) throw std::runtime_error("no answer came");
        std::sort(latencies_.begin(), latencies_.end());
        const auto at = [&](std::size_t of_1000) { return latencies_[latencies_.size() * of_1000 / 1000]; };
        std::printf("rate %.0f\np50_us %.0f\np99_us %.0f\n", static_cast<double>(latencies_.size()) / took_, at(500),
                    at(990));
    }

  private:
    void ask(Clock::time_point due) {
        const std::size_t which = idle_.front();
        idle_.pop_front();
        due_[which] = due;
        if (::send(polls_[which].fd, question_.request.data(), question_.request.size(), MSG_NOSIGNAL) < 0)
            throw std::runtime_error(std::string("send: ") + std::strerror(errno));
    }
    void take_answers() {
        char buffer[16384];
        const auto now = Clock::now();
        for (std::size_t i = 0; i < polls_.size(); ++i) {
            if (polls_[i].revents == 0) continue;
            const ssize_t n = ::read(polls_[i].fd, buffer, sizeof buffer);
            if (n <= 0) throw std::runtime_error("the server closed");
            answers_[i].append(buffer, static_cast<std::size_t>(n));
            if (!is_whole(answers_[i])) continue;
            if (answers_[i].find(question_.words) == std::string::npos)
                throw std::runtime_error("an answer without \"" + question_.words + "\": " + answers_[i]);
            answers_[i].clear();
            latencies_.push_back(std::chrono::duration<double, std::micro>(now - due_[i]).count());
            idle_.push_back(i);
        }
    }

    Clock::duration between_;
    Question question_;
    std::vector<pollfd> polls_;
    std::vector<std::string> answers_;  // as far as they came
    std::vector<Clock::time_point> due_;
    std::deque<std::size_t> idle_;
    std::vector<double> latencies_;
    double took_ = 0;
};

}  // namespace

int main(int count, char** words) try {
    if (count != 5 && count != 7) {
        std::fprintf(stderr, "paced-http PORT RATE SECONDS CONNECTIONS [PATH WORDS]\n");
        return 64;
    }
    Client client(static_cast<std::uint16_t>(std::atoi(words[1])), std::atof(words[2]),
                  static_cast<std::size_t>(std::atoi(words[4])),
                  count == 7 ? Question(words[5], words[6]) : Question());
    client.run(std::chrono::seconds(std::atoi(words[3])));
    client.print();
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "paced-http: %s\n", error.what());
    return 1;
}
