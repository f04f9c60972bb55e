// What the sandbox and the line's guards cost, on a running edge-launcher: a UDP packet with and without the guards, a
// spawn beside a plain fork and exec, and a task's way into a warm worker; `name value` a line. Or it lights a bomb in
// one; tests/bench/guard.py and bombs.py know the aims.
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "protocol/launcher/messages.hpp"
#include "protocol/launcher/payloads.hpp"
#include "protocol/worker/frames.hpp"

namespace {

using namespace edge;
using Clock = std::chrono::steady_clock;

double since_us(Clock::time_point began) {
    return std::chrono::duration<double, std::micro>(Clock::now() - began).count();
}

double median(std::vector<double> values) {
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
    return values[values.size() / 2];
}

int must(int result, const char* what) {
    if (result < 0) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
    return result;
}

sockaddr_in address_of(const char* text) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(53);
    if (::inet_pton(AF_INET, text, &address.sin_addr) != 1)
        throw std::runtime_error("no IPv4 address: " + std::string(text));
    return address;
}

void move_into(const std::string& group) {
    const int fd = must(::open((group + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC), group.c_str());
    must(static_cast<int>(::write(fd, "0", 1)), group.c_str());
    ::close(fd);
}

double packet_us(int socket, const sockaddr_in* to) {
    constexpr int kPackets = 2000;
    char payload[64]{};
    const auto began = Clock::now();
    for (int i = 0; i < kPackets; ++i)
        if (::sendto(socket, payload, sizeof payload, MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(to),
                     to != nullptr ? sizeof *to : 0) < 0 &&
            errno != EAGAIN)
            throw std::runtime_error(std::string("sendto: ") + std::strerror(errno));
    return since_us(began) / kPackets;
}

/// A socket belongs to the group in which it was made, so one thread has both kinds and takes turns.
void packets(const std::string& guarded_group, const std::string& own_group, const char* device, unsigned mark,
             const char* target) {
    const sockaddr_in to = address_of(target);
    for (const bool connected : {true, false}) {
        const int plain = must(::socket(AF_INET, SOCK_DGRAM, 0), "socket");
        must(::setsockopt(plain, SOL_SOCKET, SO_BINDTODEVICE, device, static_cast<socklen_t>(std::strlen(device) + 1)),
             device);
        must(::setsockopt(plain, SOL_SOCKET, SO_MARK, &mark, sizeof mark), "SO_MARK");
        move_into(guarded_group);
        const int guarded = must(::socket(AF_INET, SOCK_DGRAM, 0), "a guarded socket");
        move_into(own_group);
        if (connected)
            for (const int socket : {plain, guarded})
                must(::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to), "connect");
        std::vector<double> without, with, ratios;
        for (int round = 0; round < 60; ++round) {
            without.push_back(packet_us(plain, connected ? nullptr : &to));
            with.push_back(packet_us(guarded, connected ? nullptr : &to));
            ratios.push_back(with.back() / without.back());
        }
        const char* kind = connected ? "connected" : "unconnected";
        std::printf("packet_%s_plain_ns %.0f\npacket_%s_guarded_ns %.0f\npacket_%s_more_percent %.1f\n", kind,
                    1000 * median(without), kind, 1000 * median(with), kind, 100 * (median(ratios) - 1));
        ::close(plain);
        ::close(guarded);
    }
}

/// The packets of one launcher, as its agent would send them.
class Launcher {
  public:
    explicit Launcher(const std::string& path)
        : fd_(must(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "socket")) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        must(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), path.c_str());
    }

    /// The worker's number, and our end of its channel.
    std::pair<std::uint32_t, int> spawn(const std::string& line) {
        launcher::Spawn body;
        std::strncpy(body.line.text, line.c_str(), sizeof body.line.text - 1);
        int channel = -1;
        const auto spawned = ask<launcher::Spawned>(launcher::Type::spawn, body, &channel);
        return {spawned.worker, channel};
    }
    /// As spawn, an escape attempt in its place.
    std::pair<std::uint32_t, int> attempt(const std::string& line, std::uint32_t payload) {
        launcher::Attempt body;
        std::strncpy(body.line.text, line.c_str(), sizeof body.line.text - 1);
        body.payload = static_cast<decltype(body.payload)>(payload);
        int channel = -1;
        const auto spawned = ask<launcher::Spawned>(launcher::Type::attempt, body, &channel);
        return {spawned.worker, channel};
    }
    void kill(std::uint32_t worker) { ask<launcher::Done>(launcher::Type::kill, launcher::Kill{worker}, nullptr); }

  private:
    template <class Answer, class Body>
    Answer ask(launcher::Type type, const Body& body, int* passed) {
        launcher::Packet<Body> request;
        request.header.type = type;
        request.header.serial = ++serial_;
        request.body = body;
        must(static_cast<int>(::send(fd_, &request, sizeof request, MSG_NOSIGNAL)), "asking the launcher");
        launcher::Packet<Answer> answer;
        do receive(&answer, sizeof answer, passed);
        while (answer.header.serial != serial_);  // events come between
        if (answer.header.status != 0)
            throw std::runtime_error("the launcher refused: " + std::to_string(answer.header.status));
        return answer.body;
    }
    void receive(void* into, std::size_t size, int* passed) {
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
        iovec part{into, size};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        must(static_cast<int>(::recvmsg(fd_, &message, MSG_CMSG_CLOEXEC)), "the launcher's answer");
        const cmsghdr* header = CMSG_FIRSTHDR(&message);
        if (header != nullptr && passed != nullptr) std::memcpy(passed, CMSG_DATA(header), sizeof(int));
    }

    int fd_;
    std::uint32_t serial_ = 0;
};

/// A frame's JSON.
std::string read_frame(int channel) {
    worker::FrameReader reader;
    char buffer[4096];
    for (;;) {
        const auto size = ::read(channel, buffer, sizeof buffer);
        if (size <= 0) throw std::runtime_error("the worker ended");
        reader.push(std::string_view(buffer, static_cast<std::size_t>(size)));
        if (auto frame = reader.next().value()) return *frame;
    }
}

/// Both end when the program's first instruction is about to run: execve closes what is close-on-exec.
void spawns(const std::string& socket, const std::string& line, char* program) {
    Launcher launcher(socket);
    char version[] = "--version";
    char* arguments[] = {program, version, nullptr};
    std::vector<double> sandboxed, plain;
    for (int round = 0; round < 100; ++round) {
        auto began = Clock::now();
        const auto [worker, channel] = launcher.spawn(line);
        sandboxed.push_back(since_us(began));
        read_frame(channel);  // its `ready`: killed while it starts it would be slower to go
        launcher.kill(worker);
        ::close(channel);

        int ends[2];
        must(::pipe2(ends, O_CLOEXEC), "pipe");
        began = Clock::now();
        const pid_t pid = must(::fork(), "fork");
        if (pid == 0) {
            const int null = ::open("/dev/null", O_RDWR);
            ::dup2(null, 1);
            ::execv(program, arguments);
            ::_exit(127);
        }
        ::close(ends[1]);
        char none;
        (void)!::read(ends[0], &none, 1);
        plain.push_back(since_us(began));
        ::close(ends[0]);
        ::waitpid(pid, nullptr, 0);
    }
    std::printf("spawn_us %.0f\nfork_exec_us %.0f\nspawn_more_us %.0f\n", median(sandboxed), median(plain),
                median(sandboxed) - median(plain));
}

/// There and back: a task that the worker's policy refuses is answered without a packet.
void hand_over(const std::string& socket, const std::string& line) {
    Launcher launcher(socket);
    const auto [worker, channel] = launcher.spawn(line);
    read_frame(channel);
    std::vector<double> took;
    for (std::uint64_t task = 1; task <= 2000; ++task) {
        worker::Run run;
        run.task = task;
        run.service = Service::ping;
        run.params = Json{{"target", "127.0.0.1"}, {"count", 1}};
        run.deadline_ms = 1000;
        const std::string frame = worker::encode_frame(run);
        const auto began = Clock::now();
        must(static_cast<int>(::write(channel, frame.data(), frame.size())), "a task");
        const auto answer = worker::decode_frame(read_frame(channel));
        took.push_back(since_us(began));
        if (!answer || !std::holds_alternative<worker::Done>(answer.value()))
            throw std::runtime_error("no answer to a task");
    }
    std::printf("handover_us %.1f\n", median(took));
    launcher.kill(worker);
}

std::uint32_t payload_named(const std::string& name) {
    const auto at = std::ranges::find(launcher::kPayloads, name, &launcher::Payload::name);
    if (at == launcher::kPayloads.end()) throw std::runtime_error("no payload " + name);
    return static_cast<std::uint32_t>(at - launcher::kPayloads.begin());
}

/// Until our input ends, one after another; says `lit` when the first has begun.
void bomb(const std::string& socket, const std::string& line, const std::string& name) {
    Launcher launcher(socket);
    const std::uint32_t payload = payload_named(name);
    for (bool first = true;; first = false) {
        const auto [worker, channel] = launcher.attempt(line, payload);
        if (first) std::puts("lit");
        std::fflush(stdout);
        pollfd ends[] = {{0, POLLIN, 0}, {channel, POLLIN, 0}};
        must(::poll(ends, 2, -1), "poll");
        launcher.kill(worker);  // it may be over, or sit on what it took
        ::close(channel);
        if (ends[0].revents != 0) return;
    }
}

}  // namespace

int main(int count, char** words) try {
    const std::string what = count > 1 ? words[1] : "";
    if (what == "packets" && count == 7) {
        packets(words[2], words[3], words[4], static_cast<unsigned>(std::strtoul(words[5], nullptr, 0)), words[6]);
    } else if (what == "spawns" && count == 5) {
        spawns(words[2], words[3], words[4]);
    } else if (what == "hand-over" && count == 4) {
        hand_over(words[2], words[3]);
    } else if (what == "bomb" && count == 5) {
        bomb(words[2], words[3], words[4]);
    } else {
        std::fprintf(stderr,
                     "guard-cost packets GROUP OWN_GROUP DEVICE MARK TARGET | spawns SOCKET LINE PROGRAM | "
                     "hand-over SOCKET LINE | bomb SOCKET LINE PAYLOAD\n");
        return 64;
    }
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "guard-cost: %s\n", error.what());
    return 1;
}
