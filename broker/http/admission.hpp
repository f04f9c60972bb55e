// Who may be connected: a cap in all, one of those that have not shown who they are, one of those for each address, and
// the way to reach everybody when the server drains, or the one that has waited longest for a request when room is
// wanted.
#pragma once
#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace edge::http {

class Admission;

/// What a connection's thread and the acceptor's thread both know of a connection.
struct Place {
    boost::asio::any_io_executor executor;  // the connection's
    std::string address;
    bool is_unknown = true;           // acceptor's thread
    bool asked_to_go = false;         // acceptor's thread
    std::function<void()> on_drain;   // connection's thread
    std::function<bool()> on_wanted;  // connection's thread
    bool drained = false;             // connection's thread
    /// Since when it waits for a request; 0: it does not. Units: nanoseconds of the steady clock. From any thread.
    std::atomic<std::int64_t> waits_since{0};
};

/// A connection's place; giving it up makes room. Move-only. Executor: the connection's thread.
class Slot {
  public:
    Slot() = default;
    Slot(std::weak_ptr<Admission> admission, std::uint64_t id, std::shared_ptr<Place> place);
    Slot(Slot&& other) noexcept;
    Slot& operator=(Slot&& other) noexcept;
    ~Slot();

    /// The peer has shown who it is: its address may connect again.
    void authenticated();
    /// Called when the server drains; at once if it already does. Replaces what was set before.
    void on_drain(std::function<void()> callback);
    /// Called when somebody else wants the place of a connection that waits for a request: false when it no longer
    /// does.
    void on_wanted(std::function<bool()> callback);
    /// It waits for a request, or has one.
    void waits();
    void works();

  private:
    void give_up();
    std::weak_ptr<Admission> admission_;
    std::uint64_t id_ = 0;
    std::shared_ptr<Place> place_;  // owners: this, Admission's table
};

/// Executor: the acceptor's thread, but for leave() and authenticated(), which post to it.
class Admission : public std::enable_shared_from_this<Admission> {
  public:
    struct Caps {
        std::size_t connections = 0;
        std::size_t unknown = 0;      // that have not shown who they are; 0: none
        std::size_t per_address = 0;  // of those; 0: none
    };
    Admission(boost::asio::any_io_executor executor, Caps caps);

    bool is_full() const { return places_.size() >= caps_.connections; }
    /// So many are showing who they are that one more would only make all of them late.
    bool is_crowded() const { return caps_.unknown != 0 && unknown_ >= caps_.unknown; }
    /// This address has too many connections that have not shown who they are.
    bool is_full_for(const std::string& address) const;
    /// Asks the connection that has waited longest for a request to go: of this address, or of any. False: none waits;
    /// the first that does is told by on_room.
    bool ask_one_to_go(const std::optional<std::string>& address);
    bool is_empty() const { return places_.empty(); }
    std::size_t size() const { return places_.size(); }
    /// Empty: this address has too many connections that have not shown who they are.
    std::optional<Slot> admit(const std::string& address, boost::asio::any_io_executor connection);
    /// Called after each departure, when one has shown who it is, and when one may be asked to go again.
    void on_room(std::function<void()> callback) { on_room_ = std::move(callback); }
    /// Tells everybody.
    void drain();

    void leave(std::uint64_t id);
    void authenticated(std::uint64_t id);
    void one_waits();

  private:
    void forget_address(Place& place);

    boost::asio::any_io_executor executor_;
    Caps caps_;
    std::uint64_t next_id_ = 1;
    std::map<std::uint64_t, std::shared_ptr<Place>> places_;
    std::map<std::string, std::size_t> waiting_;  // of unknown_, by address
    std::size_t unknown_ = 0;
    std::function<void()> on_room_;
    std::atomic<bool> wants_one_{false};  // somebody stands at the door, and nobody waits for a request
};

}  // namespace edge::http
