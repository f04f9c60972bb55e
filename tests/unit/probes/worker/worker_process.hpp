// The real program `edge-probe worker`, sealed, with the test at the agent's end of its stream.
#pragma once
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "protocol/worker/frames.hpp"

namespace edge::probes {

class WorkerProcess {
  public:
    explicit WorkerProcess(std::vector<std::string> arguments) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) std::abort();
        arguments.insert(arguments.begin(), {EDGE_PROBE_BIN, "worker", "--fd", "3"});
        std::vector<char*> argv;
        for (auto& argument : arguments) argv.push_back(argument.data());
        argv.push_back(nullptr);
        pid_ = fork();
        if (pid_ == 0) {
            if (pair[1] == 3)
                fcntl(3, F_SETFD, 0);
            else
                dup2(pair[1], 3);
            char options[] = "ASAN_OPTIONS=detect_leaks=0";
            char* environment[] = {options, nullptr};
            execve(EDGE_PROBE_BIN, argv.data(), environment);
            _exit(127);
        }
        close(pair[1]);
        fd_ = pair[0];
    }
    ~WorkerProcess() {
        if (fd_ >= 0) close(fd_);
        if (pid_ > 0) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
        }
    }
    WorkerProcess(const WorkerProcess&) = delete;
    WorkerProcess& operator=(const WorkerProcess&) = delete;

    pid_t pid() const { return pid_; }
    void send(const worker::Frame& frame) { send_bytes(worker::encode_frame(frame)); }
    void send_bytes(const std::string& bytes) {
        std::size_t sent = 0;
        while (sent < bytes.size()) {
            const ssize_t n = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
            if (n <= 0) return;
            sent += static_cast<std::size_t>(n);
        }
    }
    /// The next frame; nothing at end of file or after ten silent seconds.
    std::optional<worker::Frame> receive() {
        for (;;) {
            auto text = reader_.next();
            if (!text) return std::nullopt;
            if (text.value()) {
                auto frame = worker::decode_frame(*text.value());
                return frame ? std::optional(std::move(frame.value())) : std::nullopt;
            }
            pollfd ready{fd_, POLLIN, 0};
            if (poll(&ready, 1, 10'000) <= 0) return std::nullopt;
            char buffer[65'536];
            const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
            if (n <= 0) return std::nullopt;
            reader_.push({buffer, static_cast<std::size_t>(n)});
        }
    }
    /// The next Done, whatever progress comes before.
    std::optional<worker::Done> done() {
        while (auto frame = receive()) {
            if (auto* done = std::get_if<worker::Done>(&*frame)) return std::move(*done);
        }
        return std::nullopt;
    }
    /// Closes our end; the status the worker exits with, or -signal.
    int finish() {
        close(fd_);
        fd_ = -1;
        return wait();
    }
    int wait() {
        int status = 0;
        waitpid(pid_, &status, 0);
        pid_ = -1;
        return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    }

  private:
    pid_t pid_ = -1;
    int fd_ = -1;
    worker::FrameReader reader_;
};

}  // namespace edge::probes
