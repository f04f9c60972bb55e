// edge-launcher as a process, and a client of it that speaks the packets and keeps the events.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "agent/launcher/os/fd.hpp"
#include "agent/launcher/packets.hpp"
#include "slot.hpp"

namespace edge::launcher::test {

/// A folder with lines.toml and policy.toml, removed at the end.
class ConfigFolder {
  public:
    ConfigFolder();
    ~ConfigFolder();
    void write(const std::string& name, const std::string& text, int mode = 0644) const;
    std::string path() const { return path_; }

  private:
    std::string path_;
};

struct Flags {
    std::string cgroup = own_group();
    uid_t agent_uid = 0;
    uid_t uid_base = own_uids();
    std::string socket{};  // default: in the folder
    std::string probe{};   // default: the payload
    std::vector<std::string> more{};
    std::vector<std::string> before{};  // a program that runs the launcher
};

/// A group in every tree, as an init system would make it for a service; removed at the end.
class DelegatedGroup {
  public:
    explicit DelegatedGroup(const std::string& name);
    ~DelegatedGroup();

  private:
    std::vector<std::string> paths_;
};

class LauncherProcess {
  public:
    LauncherProcess(const ConfigFolder& folder, const Flags& flags = {});
    ~LauncherProcess();  // SIGTERM, and waits
    LauncherProcess(const LauncherProcess&) = delete;

    /// Waits for a line of its standard error; false if it ends without, or hangs.
    bool says(const std::string& text);
    /// Waits for it to end; its exit code, or 128 + signal.
    int exit_code();
    void signal(int number) const;
    pid_t pid() const { return pid_; }
    const std::string& socket() const { return socket_; }
    std::string log();

  private:
    void read_log(Fd from);

    std::string socket_;
    pid_t pid_ = 0;
    std::optional<int> code_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::string log_;
    bool ended_ = false;
    std::thread reader_;
};

/// The other end of a worker's fd 3.
class Worker {
  public:
    Worker(Spawned spawned, Fd channel) : spawned_(spawned), channel_(std::move(channel)) {}
    /// Its answer to one line, or "gone" if it died over it.
    std::string tell(const std::string& line);
    const Spawned& spawned() const { return spawned_; }
    const Fd& channel() const { return channel_; }

  private:
    Spawned spawned_;
    Fd channel_;
};

class Client {
  public:
    explicit Client(const std::string& socket);

    /// The answer's body, or its errno.
    template <class Answer, class Body>
    std::variant<Answer, int> ask(Type type, const Body& body, Fd* passed = nullptr) {
        send(packet_of(type, ++serial_, body));
        return body_in<Answer>(receive_answer(passed));
    }
    template <class Answer>
    std::variant<Answer, int> ask_header_only(Type type) {
        const Header header{.type = type, .serial = ++serial_};
        Bytes bytes(sizeof header);
        std::memcpy(bytes.data(), &header, sizeof header);
        send(bytes);
        return body_in<Answer>(receive_answer(nullptr));
    }
    Worker spawn(const std::string& line);
    int spawn_error(const std::string& line);
    WorkerStats stats(const Worker& worker);
    std::variant<Done, int> deny(const std::vector<std::string>& targets);
    Route route(const std::string& line, const std::string& to, std::uint16_t protocol = 0, std::uint16_t port = 0);
    /// Asks until there is a route: the address that it needs may come after the link. False after 20 s.
    bool comes_to_route(const std::string& line, const std::string& to);
    LineInfo line(std::uint32_t index);
    /// The next event of this type; earlier ones of other types are kept.
    template <class Body>
    std::optional<Body> event(Type type) {
        const auto bytes = receive_event(type);
        if (!bytes) return std::nullopt;
        return std::get<Body>(body_in<Body>(*bytes));
    }
    /// The lines whose changes were told until now, since it was asked last.
    std::set<std::string> lines_told();
    void send(const Bytes& packet) const;
    /// True if the launcher closed the connection.
    bool is_closed();

  private:
    template <class Answer>
    static std::variant<Answer, int> body_in(const Bytes& bytes) {
        Header header;
        std::memcpy(&header, bytes.data(), sizeof header);
        if (header.status != 0) return static_cast<int>(header.status);
        Answer answer;
        std::memcpy(&answer, bytes.data() + offsetof(Packet<Answer>, body), sizeof answer);
        return answer;
    }
    Bytes receive_answer(Fd* passed);
    std::optional<Bytes> receive_event(Type type);
    std::optional<Bytes> receive(Fd* passed);

    Fd fd_;
    std::uint32_t serial_ = 0;
    std::deque<Bytes> events_;
};

LineName line_name(const std::string& text);

/// lines.toml for the two carriers, and a policy with these limits.
std::string lines_toml(const std::string& routes = "managed");
std::string policy_toml(int cpu_percent = 100, int memory_mb = 512, int pids = 4);
/// Every control group whose path has this name in it, sorted.
std::string groups_named(const std::string& name);

}  // namespace edge::launcher::test
