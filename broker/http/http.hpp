// HTTP as the API sees it: no Beast, no sockets. broker/http/server.hpp carries it.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace edge::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
    std::string method;
    std::string path;   // percent-decoded once, without the query
    std::string query;  // as it came, without '?'
    Headers headers;    // names in lower case
    std::string body;
    std::string peer;  // address of the client
    std::uint16_t peer_port = 0;
    bool is_of_known = false;  // its connection's client has shown who it is
    std::string id;            // X-Request-Id, the client's if it is a token, else ours
    bool keeps_alive = true;   // after its answer the connection stays; another request may stand behind it already

    /// The header's value, or empty. `name` in lower case.
    std::string_view header(std::string_view name) const;
    /// Is `token` in the comma-separated header, in any case of letters? Source: RFC 9110 section 5.6.1.
    bool header_lists(std::string_view name, std::string_view token) const;
};

struct Response {
    int status = 200;
    std::string content_type = "application/json";
    Headers headers;
    std::string body;
};

/// A response that goes on (server-sent events).
/// Executor: the exchange's connection thread. Owners: the connection and whoever produces the events.
class Stream {
  public:
    virtual ~Stream() = default;
    /// droppable: refused when a little waits to be written; kept: refused when very much does.
    enum class Kind { droppable, kept };
    /// False, and nothing queued, when the client is gone or the queue is above the bound of `kind`.
    virtual bool send(std::string chunk, Kind kind) = 0;
    /// Ends the response after what is queued and `farewell`, which no bound refuses.
    virtual void close(std::string farewell = {}) = 0;
    /// Ends it here, without the end of a response, so that the client sees that it is not whole.
    virtual void abort() = 0;
    /// Called once, when little of this stream waits to be written, at once if that is so; not when the client is gone.
    virtual void when_room(std::function<void()> callback) = 0;
    /// Called once, when the client went away, close() was carried out or the server drains.
    virtual void on_end(std::function<void()> callback) = 0;
};

/// A connection that has become something else; broker/http/server.hpp.
struct Upgraded;

/// The answer to one request: exactly one of reply(), stream() and upgrade(). Dropping it unanswered answers 500.
/// The handler itself is called on the connection's thread.
class Exchange {
  public:
    virtual ~Exchange() = default;
    /// From any thread; on the connection's thread it acts at once.
    virtual void reply(Response response) = 0;
    /// Runs `work` on the connection's thread: where views become JSON. From any thread.
    virtual void post(std::function<void()> work) = 0;
    /// On the connection's thread. The response's body is sent first; the connection closes after the stream.
    virtual std::shared_ptr<Stream> stream(Response head) = 0;
    /// The connection becomes what `take`, which moves it away, makes of it. On the connection's thread, as is `take`.
    virtual void upgrade(std::function<void(Upgraded&)> take) = 0;
    /// Calls back after `ms` unless the exchange ended; for Prefer: wait. On the connection's thread.
    virtual void after(std::uint32_t ms, std::function<void()> callback) = 0;
    /// 32 bytes that only the two ends of this TLS connection know, by the label; empty where it is plain. Inside the
    /// handler. Source: RFC 8446 section 7.5.
    virtual std::string exported_key(std::string_view label) = 0;
    /// The client has shown who it is: its connection no longer counts among those that have not. From any thread.
    virtual void authenticated() = 0;
};

using Handler = std::function<void(Request, std::shared_ptr<Exchange>)>;

}  // namespace edge::http
