#include "broker_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>

extern char** environ;

namespace edge::broker::test {
namespace {

/// Given up on only when it hangs: sanitizers on a busy machine take their time.
constexpr int kPatienceMs = 120'000;

struct Pipe {
    int ends[2];
    Pipe() {
        if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    }
};

int spawn(const std::vector<std::string>& arguments, int out, int err) {
    std::vector<char*> argv{const_cast<char*>(EDGE_BROKER)};
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (out >= 0) posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_adddup2(&actions, err, 2);
    int pid = 0;
    const int failed = ::posix_spawn(&pid, EDGE_BROKER, &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) throw std::runtime_error("cannot start " EDGE_BROKER);
    return pid;
}

std::string read_all(int fd) {
    std::string text;
    char bytes[4096];
    for (ssize_t size = 0; (size = ::read(fd, bytes, sizeof bytes)) > 0;)
        text.append(bytes, static_cast<std::size_t>(size));
    ::close(fd);
    return text;
}

int exit_code(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Of `key`=SCHEME://HOST:PORT in the line that says ready.
std::uint16_t port_in(const std::string& log, const std::string& key) {
    const std::size_t begin = log.find(" " + key + "=", log.find("broker.ready")) + 1;
    const std::string url = log.substr(begin, log.find(' ', begin) - begin);
    return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

}  // namespace

Ended run_broker(const std::vector<std::string>& arguments) {
    Pipe out, err;
    const int pid = spawn(arguments, out.ends[1], err.ends[1]);
    ::close(out.ends[1]);
    ::close(err.ends[1]);
    Ended ended;
    ended.out = read_all(out.ends[0]);
    ended.err = read_all(err.ends[0]);
    int status = 0;
    ::waitpid(pid, &status, 0);
    ended.code = exit_code(status);
    return ended;
}

BrokerProcess::BrokerProcess(const std::string& config) {
    Pipe err;
    pid_ = spawn({"--config", config}, -1, err.ends[1]);
    ::close(err.ends[1]);
    stderr_ = err.ends[0];
    while (log_.find("broker.ready") == std::string::npos || !log_.ends_with('\n')) {
        if (read_log() != Log::more) throw std::runtime_error("edge-broker did not start: " + log_);
    }
    api_port_ = port_in(log_, "api");
    gateway_port_ = port_in(log_, "gateway");
    reader_ = std::thread([this] { drain(); });
}

void BrokerProcess::drain() {
    bool was_stopping = false;
    while (last_ == Log::more || (last_ == Log::silent && !was_stopping)) {
        was_stopping = is_stopping_;
        last_ = read_log();
    }
}

BrokerProcess::Log BrokerProcess::read_log() {
    pollfd poll{stderr_, POLLIN, 0};
    char bytes[4096];
    if (::poll(&poll, 1, kPatienceMs) <= 0) return Log::silent;
    const ssize_t size = ::read(stderr_, bytes, sizeof bytes);
    if (size <= 0) return Log::ended;
    const std::lock_guard lock(mutex_);
    log_.append(bytes, static_cast<std::size_t>(size));
    return Log::more;
}

BrokerProcess::~BrokerProcess() {
    if (pid_ != 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    if (reader_.joinable()) reader_.join();
    ::close(stderr_);
}

int BrokerProcess::stop() {
    is_stopping_ = true;
    ::kill(pid_, SIGTERM);
    reader_.join();
    if (last_ == Log::silent) return -1;  // its standard error ends with it, and did not
    int status = 0;
    if (::waitpid(pid_, &status, 0) != pid_) return -1;
    pid_ = 0;
    return exit_code(status);
}

long BrokerProcess::resident_kib() const {
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
    }
    return 0;
}

}  // namespace edge::broker::test
