// The launcher's socket, as root at a keyboard uses it: one request at a time, blocking.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "protocol/evidence.hpp"
#include "protocol/launcher/messages.hpp"
#include "protocol/result.hpp"

namespace edge::probes {

/// Owns: the connection. Errors: unavailable when nobody listens, denied without the right, else what the launcher
/// says.
class LauncherClient {
  public:
    static Result<LauncherClient> connect(const std::string& path);
    LauncherClient(LauncherClient&& other) noexcept;
    LauncherClient& operator=(LauncherClient&&) = delete;
    ~LauncherClient();

    /// Errors: not_found naming the lines there are.
    Result<launcher::LineInfo> find_line(const std::string& name);
    struct Worker {
        std::uint32_t number = 0;
        int stream = -1;  // the caller's to close
    };
    Result<Worker> spawn(const launcher::LineInfo& line);
    Result<> kill(std::uint32_t worker);
    Result<RouteGet> route_get(const launcher::LineInfo& line, const Flow& flow);

  private:
    explicit LauncherClient(int fd) : fd_(fd) {}
    template <class Answer, class Body>
    Result<Answer> ask(launcher::Type type, const Body& body, int* received_fd = nullptr);

    int fd_;
    std::uint32_t serial_ = 0;
};

/// A line as evidence wants it. Pure.
LineFacts line_facts(const launcher::LineInfo& line);
/// The kernel's route answer as evidence wants it. Pure.
RouteGet route_facts(const launcher::Route& route);

}  // namespace edge::probes
