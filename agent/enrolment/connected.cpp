#include "agent/enrolment/connected.hpp"

#include <poll.h>
#include <sys/inotify.h>

#include <array>

#include "agent/disk/posix_disk.hpp"
#include "agent/fd.hpp"
#include "agent/site_report/running.hpp"

namespace edge::agent {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kLookAgain{500};  // at whether one runs, of which no file tells

/// What a broker wrote, on one line.
std::string printable(std::string text) {
    for (char& c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
    return text;
}

}  // namespace

Result<LinkState> link_state_of(const std::string& state_dir) {
    if (holder_of(state_dir + "/lock") == 0)
        return Error{Errc::unavailable, "edge-agent", "none runs with " + state_dir};
    EDGE_TRY(auto state, PosixDisk::open(state_dir));
    return load_link_state(state);
}

Result<LinkState> wait_until_connected(const std::string& state_dir, std::chrono::seconds within) {
    const auto until = Clock::now() + within;
    const Fd changes(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    (void)::inotify_add_watch(changes.number(), state_dir.c_str(), IN_MOVED_TO);  // else it is looked at all the same
    for (;;) {
        const auto state = link_state_of(state_dir);
        if (state && state.value().connected) return state;
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
        if (left.count() <= 0) {
            const std::string why = state ? printable(state.value().broker + ": " + state.value().why)
                                    : state.error().code == Errc::not_found ? "it has not come to the broker yet"
                                                                            : state.error().message();
            return Error{Errc::timed_out, {}, why};
        }
        pollfd waiting{changes.number(), POLLIN, 0};
        (void)::poll(&waiting, 1, static_cast<int>(std::min(left, kLookAgain).count()));
        std::array<char, 4096> seen;
        while (::read(changes.number(), seen.data(), seen.size()) > 0) {
        }
    }
}

}  // namespace edge::agent
