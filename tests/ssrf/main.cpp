// Over a thousand ways to make a probe talk to what policy forbids, by real workers: with the kernel's check of targets
// off, so that the worker's own must hold, and with the worker's off. Says `N tried, 0 reached` for each.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <map>

#include "hostile_servers.hpp"
#include "launcher_process.hpp"
#include "protocol/worker/frames.hpp"
#include "sentinels.hpp"
#include "vectors.hpp"

namespace edge::ssrf {
namespace {

using namespace launcher;
using namespace launcher::test;

#ifdef EDGE_SANITIZED
constexpr int kMemoryMb = 512;
#else
constexpr int kMemoryMb = 64;
#endif
constexpr std::size_t kAtOnce = 24;  // tasks a worker has

std::string policy() {
    return "services = [\"dns\", \"http\", \"ping\"]\n[targets]\nallow = [\"198.51.100.0/24\", \"2001:db8::/32\"]\n"
           "[worker]\ncpu_percent = 100\nmemory_mb = " +
           std::to_string(kMemoryMb) + "\n";
}

class Run {
  public:
    Run(const char* switched_off, const Attack& attack) : attack_(attack), sentinels_(shared_carriers(), {53, 80}) {
        ::setenv("EDGE_SABOTAGE", switched_off, 1);
        folder_.write("policy.toml", policy());
        Flags flags;
        flags.probe = std::getenv("EDGE_PROBE");
        launcher_.emplace(folder_, flags);
        if (!launcher_->says("ready")) throw std::runtime_error("the launcher does not start:\n" + launcher_->log());
        client_.emplace(launcher_->socket());
        Fd channel;
        const auto spawned = client_->ask<Spawned>(Type::spawn, Spawn{line_name("telecom")}, &channel);
        if (std::holds_alternative<int>(spawned)) throw std::runtime_error("no worker");
        channel_ = std::move(channel);
    }

    /// Every `step`th vector; what arrived where it must not.
    escape::Packets try_all(std::size_t step) {
        sentinels_.begin();
        std::size_t next = 0, running = 0;
        while (next < attack_.vectors.size() || running > 0) {
            for (; running < kAtOnce && next < attack_.vectors.size(); next += step, ++running) send(next);
            receive();
            --running;
            (void)sentinels_.strays(0);  // before a socket's buffer is full
        }
        return sentinels_.strays(0);
    }
    int tried() const { return tried_; }
    bool heard_something() { return !sentinels_.honest(0).empty(); }

  private:
    void send(std::size_t index) {
        const auto& spec = attack_.vectors[index].spec;
        const auto bytes = worker::encode_frame(worker::Run{index, service_of(spec), encode_spec(spec), 2000});
        if (::send(channel_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0)
            throw std::runtime_error("worker gone");
        ++tried_;
    }

    void receive() {
        for (;;) {
            auto text = reader_.next().value();
            while (!text) {
                char buffer[65536];
                pollfd waiting{channel_.get(), POLLIN, 0};
                if (::poll(&waiting, 1, 60'000) != 1) throw std::runtime_error("the worker does not answer");
                const ssize_t n = ::recv(channel_.get(), buffer, sizeof buffer, 0);
                if (n <= 0) throw std::runtime_error("the worker is gone:\n" + launcher_->log());
                reader_.push({buffer, static_cast<std::size_t>(n)});
                text = reader_.next().value();
            }
            const auto frame = worker::decode_frame(*text).value();
            if (std::holds_alternative<worker::Done>(frame)) return;
        }
    }

    const Attack& attack_;
    escape::Sentinels sentinels_;
    ConfigFolder folder_;
    std::optional<LauncherProcess> launcher_;
    std::optional<Client> client_;
    Fd channel_;
    worker::FrameReader reader_;
    int tried_ = 0;
};

/// With one layer off, the other must hold alone; with both off all this must arrive, or it proves nothing.
int run() {
    const Attack attack = make_attack();
    HostileServers servers(shared_carriers(), attack);
    int failures = 0;
    for (const auto& [layer, off] : {std::pair{"worker", "kernel_targets"}, {"kernel", "worker_targets"}}) {
        Run one(off, attack);
        const auto reached = one.try_all(1);
        std::printf("%s alone: %d tried, %zu reached\n", layer, one.tried(), reached.size());
        for (std::size_t i = 0; i < reached.size() && i < 20; ++i) std::printf("    %s\n", reached[i].c_str());
        failures += !reached.empty() || !one.heard_something();
    }
    Run none("kernel_targets,worker_targets", attack);
    const auto reached = none.try_all(7);
    std::printf("neither, to see that they would arrive: %d tried, %zu packets arrived\n", none.tried(),
                reached.size());
    failures += reached.size() < static_cast<std::size_t>(none.tried()) / 4;
    return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace edge::ssrf

int main() {
    if (geteuid() != 0) {
        std::puts("skipped: the ssrf suite needs root");
        return 77;
    }
    try {
        return edge::ssrf::run();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "ssrf: %s\n", error.what());
        return 2;
    }
}
