// To use up what is the machine's. Each takes until it gets no more, and keeps it until it is killed; what is above the
// bounds written here would be an escape from the limits.
#include <fcntl.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <array>

#include "probes/payload/endpoint.hpp"

namespace edge::probes {
namespace {

constexpr std::size_t kTooManyProcesses = 1000;
constexpr std::size_t kTooManyDescriptors = 5000;  // NOFILE is 4096
constexpr std::size_t kTooMuchMemory = std::size_t{4} << 30;
constexpr std::size_t kChunk = std::size_t{16} << 20;

AttemptOutcome held_to(std::size_t count, std::size_t most) {
    const std::string how = std::to_string(count) + ", then " + strerrorname_np(errno);
    return {count >= most, how};
}

/// Not fork(3), which runs handlers of the run-time.
long plain_fork() {
    return syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
}

[[noreturn]] void stay() {
    for (;;) pause();
}

AttemptOutcome fork_bomb(const Facts&) {
    std::size_t count = 0;
    for (long child = 0; count < kTooManyProcesses; ++count) {
        child = plain_fork();
        if (child == 0) stay();
        if (child < 0) break;
    }
    return held_to(count, kTooManyProcesses);
}

AttemptOutcome zombies(const Facts&) {
    std::size_t count = 0;
    for (long child = 0; count < kTooManyProcesses; ++count) {
        child = plain_fork();
        if (child == 0) _exit(0);
        if (child < 0) break;
    }
    return held_to(count, kTooManyProcesses);
}

int sleep_for_good(void*) {
    stay();
}

AttemptOutcome thread_bomb(const Facts&) {
    constexpr std::size_t kStack = 16 << 10;
    std::size_t count = 0;
    for (; count < kTooManyProcesses; ++count) {
        auto* stack =
            static_cast<char*>(mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        if (stack == MAP_FAILED) break;
        if (clone(sleep_for_good, stack + kStack, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD,
                  nullptr) < 0)
            break;
    }
    return held_to(count, kTooManyProcesses);
}

void touch(void* memory, std::size_t size) {
    for (std::size_t at = 0; at < size; at += 4096) static_cast<volatile char*>(memory)[at] = 1;
}

AttemptOutcome memory_bomb(const Facts&) {
    std::size_t taken = 0;
    for (; taken < kTooMuchMemory; taken += kChunk) {
        void* more = mmap(nullptr, kChunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (more == MAP_FAILED) break;
        touch(more, kChunk);
    }
    return held_to(taken, kTooMuchMemory);
}

AttemptOutcome shared_memory_bomb(const Facts&) {
    std::size_t taken = 0;
    for (; taken < kTooMuchMemory; taken += kChunk) {
        const int segment = shmget(IPC_PRIVATE, kChunk, IPC_CREAT | 0600);
        void* more = segment < 0 ? MAP_FAILED : shmat(segment, nullptr, 0);
        if (more == MAP_FAILED) break;
        touch(more, kChunk);
    }
    return held_to(taken, kTooMuchMemory);
}

AttemptOutcome memfd_bomb(const Facts&) {
    std::size_t taken = 0;
    for (; taken < kTooMuchMemory; taken += kChunk) {
        const int file = static_cast<int>(syscall(SYS_memfd_create, "x", 0));
        if (file < 0 || ftruncate(file, kChunk) != 0) break;
        void* more = mmap(nullptr, kChunk, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (more == MAP_FAILED) break;
        touch(more, kChunk);
    }
    return held_to(taken, kTooMuchMemory);
}

AttemptOutcome pipe_bomb(const Facts&) {
    static const char page[65536]{};
    std::size_t taken = 0;
    for (int ends[2]; taken < kTooMuchMemory && pipe2(ends, O_NONBLOCK) == 0;) {
        (void)fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
        for (long written = 0; (written = write(ends[1], page, sizeof page)) > 0;)
            taken += static_cast<std::size_t>(written);
    }
    return held_to(taken, kTooMuchMemory);
}

AttemptOutcome fd_bomb(const Facts&) {
    std::size_t count = 0;
    while (count < kTooManyDescriptors && socket(AF_INET, SOCK_DGRAM, 0) >= 0) ++count;
    return held_to(count, kTooManyDescriptors);
}

AttemptOutcome timer_bomb(const Facts&) {
    std::size_t count = 0;
    for (int id = 0; count < kTooManyDescriptors && syscall(SYS_timer_create, CLOCK_MONOTONIC, nullptr, &id) == 0;)
        ++count;
    return held_to(count, kTooManyDescriptors);
}

AttemptOutcome spin(const Facts&) {
    for (;;) asm volatile("");
}

/// Away from its parent, its session and its signals, as daemons go.
AttemptOutcome daemonize(const Facts&) {
    const long child = plain_fork();
    if (child < 0) return stopped(errno);
    if (child == 0) {
        setsid();
        if (plain_fork() == 0) stay();
        _exit(0);
    }
    return {false, "waits to be killed"};
}

AttemptOutcome ignore_signals(const Facts&) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, nullptr);
    for (int number = 1; number < NSIG; ++number) signal(number, SIG_IGN);
    if (plain_fork() == 0) stay();
    return {false, "waits to be killed"};
}

AttemptOutcome background_sockets(const Facts& facts) {
    for (int i = 0; i < 8; ++i) {
        const int udp = socket(AF_INET, SOCK_DGRAM, 0);
        const int tcp = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        const FarEnd to = endpoint(facts.text("target4"), facts.number("port"));
        (void)!connect(udp, to.get(), to.size);
        (void)!connect(tcp, to.get(), to.size);
    }
    if (plain_fork() == 0) stay();  // holds them as well
    return {false, "waits to be killed"};
}

AttemptOutcome flood(int fd, std::size_t bytes) {
    static const char page[65536]{};
    for (std::size_t sent = 0; sent < bytes;) {
        const long n = write(fd, page, sizeof page);
        if (n < 0 && errno != EAGAIN) break;
        if (n > 0) sent += static_cast<std::size_t>(n);
    }
    return {false, "waits to be killed"};
}

const auto kHostAttempts = std::to_array<Attempt>({
    {"fork-bomb", fork_bomb},
    {"thread-bomb", thread_bomb},
    {"memory-bomb", memory_bomb},
    {"shared-memory-bomb", shared_memory_bomb},
    {"memfd-bomb", memfd_bomb},
    {"pipe-bomb", pipe_bomb},
    {"fd-bomb", fd_bomb},
    {"timer-bomb", timer_bomb},
    {"zombies", zombies},
    {"spin", spin},
    {"daemon", daemonize},
    {"ignore-signals", ignore_signals},
    {"background-sockets", background_sockets},
    {"log-flood", [](const Facts&) { return flood(2, std::size_t{64} << 20); }},
    {"channel-flood", [](const Facts&) { return flood(3, std::size_t{1} << 30); }},
});

}  // namespace

std::span<const Attempt> host_attempts() {
    return kHostAttempts;
}

}  // namespace edge::probes
