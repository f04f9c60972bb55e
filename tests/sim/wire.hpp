// A connection between an agent and the broker: messages in order, each way, until it is cut. What a broken network or
// a broken box in it does to them is asked of `Weather`.
#pragma once
#include <array>
#include <memory>
#include <string>

#include "tests/sim/timeline.hpp"

namespace edge::sim {

/// How the network is now. Units: times in a thousand messages, microseconds.
struct Weather {
    Us latency_from = 1 * kMs;
    Us latency_to = 40 * kMs;
    std::uint64_t twice = 0;     // comes twice
    std::uint64_t swapped = 0;   // comes after the next one
    std::uint64_t vanishes = 0;  // does not come
    std::uint64_t again = 0;     // comes again, seconds later
};

/// What is at an end of a wire. Owners: the wire, until it is closed; each end holds the wire.
class WireEnd {
  public:
    virtual ~WireEnd() = default;
    virtual void message(std::string text) = 0;
    /// Last of all, once.
    virtual void closed() = 0;
};

class Wire : public std::enable_shared_from_this<Wire> {
  public:
    enum Side : std::size_t { agent = 0, broker = 1 };
    struct Counts {
        std::uint64_t twice = 0, swapped = 0, vanished = 0, again = 0;
    };

    Wire(Timeline& timeline, Chance& chance, const Weather& weather, Counts& counts)
        : timeline_(timeline), chance_(chance), weather_(weather), counts_(counts) {}

    void attach(Side side, std::shared_ptr<WireEnd> end) { ends_[side] = std::move(end); }
    void send(Side from, std::string text);
    /// The other side hears of it behind what was sent; this one at once.
    void close(Side from);
    /// Both hear of it; what was under way is gone.
    void cut();
    /// Nothing comes through that way any more, and nobody hears of it.
    void go_silent(Side from) { silent_[from] = true; }
    bool is_open() const { return ends_[agent] || ends_[broker]; }

  private:
    static Side other(Side side) { return side == agent ? broker : agent; }
    void deliver_at(Us when, Side to, std::string text);
    void end(Side side);

    Timeline& timeline_;
    Chance& chance_;
    const Weather& weather_;
    Counts& counts_;
    std::array<std::shared_ptr<WireEnd>, 2> ends_;
    std::array<Us, 2> last_{};  // when the last one comes, by side that hears it
    std::array<bool, 2> silent_{};
};

}  // namespace edge::sim
