// Agent and worker over a STREAM socketpair: a 4-byte big-endian length, then that many bytes, 256 KiB at most: a line
// of JSON, and behind a Done the report's detail as another.
#pragma once
#include <boost/describe.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "protocol/probes/report.hpp"
#include "protocol/probes/spec.hpp"

namespace edge::worker {

inline constexpr std::size_t kMaxFrame = 256 * 1024;
/// A task that ends sooner shows nothing but its report: thousands a second would say of each that it runs, to nobody.
inline constexpr std::chrono::milliseconds kShownAfter{100};
/// Of a report whose own does not fit a frame.
inline constexpr std::string_view kTruncatedDetail = R"({"truncated":true})";

/// agent → worker: run this. `task` is the agent's own number; the worker has no idea of jobs or runs.
struct Run {
    std::uint64_t task = 0;
    Service service = Service::ping;
    Json params = Json::object();
    std::uint32_t deadline_ms = 0;  // from receipt; at it the worker answers with what it has, as `timeout`
};
BOOST_DESCRIBE_STRUCT(Run, (), (task, service, params, deadline_ms))

/// agent → worker: stop it; a Done with code `canceled` follows.
struct Cancel {
    std::uint64_t task = 0;
};
BOOST_DESCRIBE_STRUCT(Cancel, (), (task))

/// worker → agent, once: initialised, tight filter on.
struct Ready {
    std::string version;
    std::string sandbox;  // what the worker put on itself: `seccomp`, `seccomp+landlock`
};
BOOST_DESCRIBE_STRUCT(Ready, (), (version, sandbox))

/// worker → agent: something to show while it runs (a ping reply, a DNS try, an HTTP phase). May be dropped on the way.
struct Progress {
    std::uint64_t task = 0;
    Json data = Json::object();
};
BOOST_DESCRIBE_STRUCT(Progress, (), (task, data))

/// worker → agent: the end of a task. Exactly one for each Run.
struct Done {
    std::uint64_t task = 0;
    ProbeReport report;
};
BOOST_DESCRIBE_STRUCT(Done, (), (task, report))

using Frame = std::variant<Run, Cancel, Ready, Progress, Done>;

/// Length and lines, ready to write, of at most kMaxFrame whatever is in it. Of a Done that does not fit the detail
/// becomes
/// `{"truncated":true}`, then the resolved addresses go, then texts are cut, then the sockets go; of a Progress the
/// data, of a Run the params.
std::string encode_frame(const Frame& frame);

/// One frame (without its length). Unknown fields are an error: both ends are one build. A detail is an object on one
/// line that the broker would take, and is not looked at else.
Result<Frame> decode_frame(std::string_view text);

/// Collects bytes and gives whole frames.
class FrameReader {
  public:
    void push(std::string_view bytes) { buffer_.append(bytes); }
    /// The next frame, or nothing yet. Errors: Errc::too_large for a length above kMaxFrame; nothing can follow.
    Result<std::optional<std::string>> next();

  private:
    std::string buffer_;
    std::size_t taken_ = 0;
};

}  // namespace edge::worker
