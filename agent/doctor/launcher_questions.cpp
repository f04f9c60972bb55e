#include "agent/doctor/launcher_questions.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>

#include "agent/fd.hpp"
#include "agent/workers/node_policy.hpp"

namespace edge::agent {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// `trying` and, within `patience` of that, the outcome, a line each; fewer if it ends or the time passes.
std::vector<std::string> two_lines(int fd, std::chrono::milliseconds patience) {
    constexpr auto kStartsWithin = 30s;  // a program that starts on a busy machine
    auto until = Clock::now() + kStartsWithin;
    std::string text;
    while (std::count(text.begin(), text.end(), '\n') < 2 && text.size() < 4096) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
        pollfd waiting{fd, POLLIN, 0};
        char buffer[512];
        if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) <= 0) break;
        const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
        if (n <= 0) break;
        if (text.find('\n') == std::string::npos) until = Clock::now() + patience;
        text.append(buffer, static_cast<std::size_t>(n));
    }
    std::vector<std::string> lines;
    for (std::size_t end = 0; lines.size() < 2 && (end = text.find('\n')) != std::string::npos;) {
        lines.push_back(text.substr(0, end));
        text.erase(0, end + 1);
    }
    return lines;
}

}  // namespace

pid_t listener_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return 0;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const Fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::connect(fd.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::getsockopt(fd.number(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return 0;
    return peer.pid;
}

LauncherQuestions::LauncherQuestions(const std::string& path) : client_(io_, path, *this) {
    client_.start();
}

void LauncherQuestions::launcher_down(const Error& why) {
    up_ = false;
    down_ = why;
}

template <class Done>
bool LauncherQuestions::wait(Done done, std::chrono::milliseconds within) {
    const auto until = Clock::now() + within;
    while (!done()) {
        if (Clock::now() >= until) return false;
        io_.restart();
        io_.run_one_until(until);
    }
    return true;
}

template <class B, class Ask>
Result<B> LauncherQuestions::answer(Ask ask) {
    if (!up_ && down_) return *down_;
    std::optional<Result<B>> answered;
    ask([&](Result<B> one) { answered.emplace(std::move(one)); });
    if (wait([&] { return answered.has_value(); }, 5s)) return std::move(*answered);
    return Error{Errc::timed_out, "edge-launcher", "does not answer"};
}

Result<launcher::HostInfo> LauncherQuestions::host() {
    return answer<launcher::HostInfo>([&](auto reply) { client_.get_host(std::move(reply)); });
}

Result<std::vector<launcher::LineInfo>> LauncherQuestions::lines() {
    std::vector<launcher::LineInfo> all;
    for (std::uint32_t index = 0, count = 1; index < count && index < launcher::kMaxLines; ++index) {
        EDGE_TRY(const auto line,
                 answer<launcher::LineInfo>([&](auto reply) { client_.get_line(index, std::move(reply)); }));
        count = line.count;
        all.push_back(line);
    }
    return all;
}

Result<link::Policy> LauncherQuestions::policy() {
    constexpr std::uint32_t kMostParts = 1024;  // the launcher's lists are far shorter
    link::Policy policy;
    for (std::uint32_t part = 0, parts = 1; part < parts && part < kMostParts; ++part) {
        EDGE_TRY(const auto told,
                 answer<launcher::PolicyPart>([&](auto reply) { client_.get_policy(part, std::move(reply)); }));
        parts = told.parts;
        add_entries(told, policy);
    }
    return policy;
}

Result<launcher::Route> LauncherQuestions::route(const launcher::LineName& line, const launcher::Address& to) {
    const launcher::RouteGet query{.line = line, .destination = to};
    return answer<launcher::Route>([&](auto reply) { client_.route_get(query, std::move(reply)); });
}

Result<LauncherQuestions::Attempted> LauncherQuestions::attempt(const launcher::Attempt& attempt,
                                                                const std::string& facts,
                                                                std::chrono::milliseconds patience) {
    EDGE_TRY(auto worker,
             answer<LauncherClient::Worker>([&](auto reply) { client_.attempt(attempt, std::move(reply)); }));
    const std::string line = facts + "\n";
    (void)!::send(worker.socket.number(), line.data(), line.size(), MSG_NOSIGNAL);
    Attempted attempted;
    attempted.said = two_lines(worker.socket.number(), patience);
    (void)answer<launcher::Done>(
        [&](auto reply) { client_.kill(worker.info.worker, std::move(reply)); });  // it may have ended by itself
    const auto mine = [&](const launcher::WorkerExited& exit) { return exit.worker == worker.info.worker; };
    const auto gone = [&] { return std::any_of(ended_.begin(), ended_.end(), mine); };
    if (!wait(gone, 5s)) return Error{Errc::timed_out, "edge-launcher", "the sandbox was killed and did not end"};
    attempted.end = *std::find_if(ended_.begin(), ended_.end(), mine);
    return attempted;
}

}  // namespace edge::agent
