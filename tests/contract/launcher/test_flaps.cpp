// A line's device goes down, comes back, is made anew, loses its address, again and again while its worker sends:
// nothing leaves by another line, and each time the line works again. 24 times; 1,000 with EDGE_FULL=1.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>

#include "carriers.hpp"
#include "launcher_process.hpp"

using namespace edge::launcher;
using namespace edge::launcher::test;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

/// A worker that asks the target without a pause, by both families, over sockets that are connected and that are not.
class Load {
  public:
    explicit Load(Worker worker) : worker_(std::move(worker)), thread_([this] { run(); }) {}
    ~Load() {
        stop_ = true;
        thread_.join();
    }
    /// Waits for an answer by unicom in each family, to a question put from now on; how long that took, or nothing.
    std::optional<std::chrono::milliseconds> answered() {
        const auto began = Clock::now();
        std::unique_lock lock(mutex_);
        const unsigned from = round_ + 1;
        const bool came = changed_.wait_for(lock, 30s, [&] {
            return std::all_of(last_.begin(), last_.end(),
                               [&](const Answer& a) { return a.round >= from && a.text.starts_with("ok unicom"); });
        });
        if (!came) return std::nullopt;
        return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began);
    }
    std::string last() {
        const std::lock_guard lock(mutex_);
        return last_[0].text + ", " + last_[1].text;
    }
    /// Of the answers, those that came by another line than this.
    int strangers() const { return strangers_; }

  private:
    struct Answer {
        unsigned round = 0;
        std::string text;
    };
    void run() {
        constexpr const char* kTargets[] = {kTarget4, kTarget6};
        for (unsigned round = 1; !stop_; ++round) {
            {
                const std::lock_guard lock(mutex_);
                round_ = round;
            }
            for (std::size_t i = 0; i < 2; ++i) {
                worker_.tell(std::string("send ") + kTargets[i] + " 5300 20");
                auto text = worker_.tell(std::string("udp ") + kTargets[i] + " 5300 200");
                const std::lock_guard lock(mutex_);
                strangers_ += text.starts_with("ok ") && !text.starts_with("ok unicom") ? 1 : 0;
                last_[i] = {round, std::move(text)};
                changed_.notify_all();
            }
        }
    }

    Worker worker_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::array<Answer, 2> last_;
    unsigned round_ = 0;
    std::atomic<bool> stop_ = false;
    std::atomic<int> strangers_ = 0;
    std::thread thread_;
};

void flap(Carriers& carriers, int n) {
    switch (n % 3) {
        case 0:
            sh("ip link del wan1");
            return carriers.plug_in(1);
        case 1:
            return sh("ip link set wan1 down && ip link set wan1 up && ip -6 addr replace fd64:2::2/64 dev wan1 nodad");
        default:
            return sh("ip addr del 100.64.2.2/24 dev wan1 && ip addr add 100.64.2.2/24 dev wan1");
    }
}

}  // namespace

TEST_CASE("a line that flaps under load lets nothing out elsewhere, and never stays down") {
    const int flaps = std::getenv("EDGE_FULL") != nullptr ? 1000 : 24;
    Carriers carriers;
    ConfigFolder folder;
    folder.write("lines.toml", lines_toml("managed"));
    LauncherProcess launcher(folder);
    REQUIRE_MESSAGE(launcher.says("ready lines=2"), launcher.log());
    Client client(launcher.socket());
    Load load(client.spawn("unicom"));
    REQUIRE(load.answered());
    std::vector<std::chrono::milliseconds> took;
    int stuck = 0;
    for (int n = 0; n < flaps && stuck == 0; ++n) {
        flap(carriers, n);
        client.line(1);  // reads what it was told meanwhile: a client that does not is dropped
        if (const auto ms = load.answered())
            took.push_back(*ms);
        else
            ++stuck;
        CHECK_MESSAGE(stuck == 0, "flap ", n, ": ", load.last(), "\n", launcher.log());
    }
    std::sort(took.begin(), took.end());
    REQUIRE(!took.empty());
    const int escaped = carriers.arrived(0) + load.strangers();
    std::printf("%d flaps, %d escaped, %d stuck; answered again after %d ms (median), %d ms (longest)\n", flaps,
                escaped, stuck, static_cast<int>(took[took.size() / 2].count()), static_cast<int>(took.back().count()));
    CHECK(escaped == 0);
    CHECK(carriers.arrived(1) > flaps);
    CHECK(took[took.size() / 2] <= 1s);
}
