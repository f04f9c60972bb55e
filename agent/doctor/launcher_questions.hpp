// The launcher, asked one thing at a time by a command that waits for the answer.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "agent/workers/launcher_client.hpp"
#include "protocol/link/node_policy.hpp"

namespace edge::agent {

/// The process at the other end of a unix socket; 0: nobody that can be seen.
pid_t listener_of(const std::string& path);

/// Blocks; each question has five seconds. Errors: unavailable, denied, io, or the launcher's own.
class LauncherQuestions final : private LauncherClient::Listener {
  public:
    explicit LauncherQuestions(const std::string& path);

    Result<launcher::HostInfo> host();
    Result<std::vector<launcher::LineInfo>> lines();
    Result<link::Policy> policy();
    Result<launcher::Route> route(const launcher::LineName& line, const launcher::Address& to);

    /// What an escape attempt said within `patience`, and how it ended.
    struct Attempted {
        std::vector<std::string> said;
        launcher::WorkerExited end;
    };
    Result<Attempted> attempt(const launcher::Attempt& attempt, const std::string& facts,
                              std::chrono::milliseconds patience);

  private:
    void launcher_up() override { up_ = true; }
    void launcher_down(const Error& why) override;
    void line_changed(const launcher::LineInfo&) override {}
    void worker_exited(const launcher::WorkerExited& exit) override { ended_.push_back(exit); }

    /// Turns the loop until `done` or the time.
    template <class Done>
    bool wait(Done done, std::chrono::milliseconds within);
    template <class B, class Ask>
    Result<B> answer(Ask ask);

    boost::asio::io_context io_{1};
    bool up_ = false;
    std::optional<Error> down_;
    std::vector<launcher::WorkerExited> ended_;
    LauncherClient client_;
};

}  // namespace edge::agent
