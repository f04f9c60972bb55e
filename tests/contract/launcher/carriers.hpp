// Two lines and what lies behind them, in network namespaces of the test's own: each line's device ends in a carrier
// namespace where the same target addresses answer with the name of the line the question came by.
#pragma once
#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "agent/launcher/os/fd.hpp"

namespace edge::launcher::test {

inline constexpr const char* kTarget4 = "198.51.100.10";
inline constexpr const char* kTarget6 = "2001:db8::10";
inline constexpr int kPort = 5300;

/// One shell command; fails the test if it fails.
void sh(const std::string& command);
std::string output_of(const std::string& command);

/// Owns: the namespaces, which go when it does, and the thread that answers.
class Carriers {
  public:
    /// Makes a namespace for the node, and puts the calling thread, and what it starts, in it.
    Carriers();
    ~Carriers();

    /// Makes the device of line `n` (0 telecom wan0, 1 unicom wan1) with its addresses; again after `ip link del`.
    void plug_in(int n);
    /// How many packets for the target have arrived by line `n`.
    int arrived(int n) const { return arrived_[static_cast<std::size_t>(n)]; }
    /// Whether a TCP connection from the carrier of line `n` is taken, within half a second.
    bool reaches(int n, const std::string& address, int port) const;
    /// A socket that belongs to the carrier of line `n`.
    Fd socket_in_carrier(int n, int family, int type, int protocol) const;
    /// Puts the calling thread into yet another namespace, where no line is, until `back`.
    void elsewhere();
    void back();

  private:
    void in_carrier(int n, const std::string& command) const;
    Fd listener(int n, int family, int type) const;
    void answer();

    Fd home_, node_, elsewhere_, stop_;
    std::array<Fd, 2> carriers_;
    struct Ear {
        int line, type;
        Fd fd;
    };
    std::vector<Ear> ears_;
    std::array<std::atomic<int>, 2> arrived_{};
    std::thread thread_;
};

/// Made once; for tests that leave the devices and the main table as they are.
Carriers& shared_carriers();

}  // namespace edge::launcher::test
