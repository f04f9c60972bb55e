// The broker's REST API over libcurl. One thread; every wait ends at a signal.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/api/environment.hpp"
#include "cli/api/signals.hpp"
#include "cli/exit_codes.hpp"
#include "protocol/json/bounded.hpp"

namespace edge::cli {

struct Request {
    std::string method = "GET";
    std::string path;  // begins with a slash; with its query
    std::string body{};
    std::vector<std::pair<std::string, std::string>> headers{};
};

struct Reply {
    int status = 0;
    std::string body;
};

/// Why no reply came. The peer is not to blame for the last two.
enum class Lost { unreachable, broken, interrupted, stopped };
struct Loss {
    Lost how = Lost::unreachable;
    std::string text;
};
template <class T>
using Exchange = boost::outcome_v2::basic_result<T, Loss, boost::outcome_v2::policy::terminate>;

class Client {
  public:
    using Clock = std::chrono::steady_clock;
    /// Called about ten times a second while a request waits; false ends it as `stopped`.
    using Tick = std::function<bool()>;

    Client(Environment environment, Signals& signals);
    ~Client();

    /// One request and its whole answer, at most 64 MiB.
    Exchange<Reply> call(const Request& request, const Tick& tick = {});
    /// The body goes to `sink` as it comes, if the status is 200; else it is in the reply. Silence of 45 s breaks it.
    Exchange<Reply> stream(const Request& request, const std::function<bool(std::string_view)>& sink, const Tick& tick);
    /// Waits; false when a signal came or the tick said so.
    bool sleep(std::chrono::milliseconds time, const Tick& tick);

    /// After Lost::interrupted by Ctrl-C: does another one come in that time?
    bool interrupted_again(std::chrono::milliseconds within) { return signals_.comes_again(within); }

    /// GET, 200, JSON; everything else is Trouble.
    Answer<Json> get(const std::string& path);
    /// All items of a list, page by page, at most `limit`.
    Answer<std::vector<Json>> list(const std::string& path, std::size_t limit);
    Trouble trouble(const Loss& loss) const;
    const Environment& environment() const { return environment_; }

  private:
    struct Transfer;
    Exchange<Reply> perform(const Request& request, Transfer& transfer, const Tick& tick);

    Environment environment_;
    Signals& signals_;
    struct Handles;
    std::unique_ptr<Handles> handles_;
};

/// JSON of the broker: ours to trust as far as its size. Errors: error.
Answer<Json> json_of(std::string_view body);

/// For a path or a query.
std::string percent_encoded(std::string_view text);

}  // namespace edge::cli
