// HTTP as the API sees it: no Beast, no sockets. broker/http/server.cpp carries it.
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
    std::string peer;   // address of the client
    std::string id;     // X-Request-Id, the client's if it is a token, else ours

    /// The header's value, or empty. `name` in lower case.
    std::string_view header(std::string_view name) const;
};

struct Response {
    int status = 200;
    std::string content_type = "application/json";
    Headers headers;
    std::string body;
};

/// A response that goes on (server-sent events). Thread-safe; send after close is ignored.
/// Owners: the exchange's connection and whoever produces the events.
class Stream {
  public:
    virtual ~Stream() = default;
    /// False when the client is gone, or the queue is above its bound and `droppable`.
    enum class Kind { droppable, kept };
    virtual bool send(std::string chunk, Kind kind) = 0;
    virtual void close() = 0;
    /// Called once when the client goes away or close() was carried out.
    virtual void on_end(std::function<void()> callback) = 0;
};

/// The answer to one request: exactly one of reply() and stream(), from any thread. Dropping it answers 500.
class Exchange {
  public:
    virtual ~Exchange() = default;
    virtual void reply(Response response) = 0;
    virtual std::shared_ptr<Stream> stream(Response head) = 0;
    /// Calls back after `ms` unless the exchange ended; for Prefer: wait.
    virtual void after(std::uint32_t ms, std::function<void()> callback) = 0;
};

using Handler = std::function<void(Request, std::shared_ptr<Exchange>)>;

}  // namespace edge::http
