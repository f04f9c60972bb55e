// Requests to the broker over one TLS connection, one after the other.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/link/dial.hpp"
#include "agent/link/endpoint.hpp"

namespace edge::agent {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
    std::string method;
    std::string path;
    HttpHeaders headers{};
    std::string body{};
};

struct HttpAnswer {
    unsigned status = 0;
    std::string body{};
    HttpHeaders headers{};
    enum class End { whole, cut, too_large };
    End end = End::whole;  // any other: it has no body

    /// The header's value, or empty; its name in any case of letters.
    std::string_view header(std::string_view name) const;
    /// What it asks for before the next try; see wait_asked().
    std::chrono::milliseconds retry_after() const;
};

/// Owns: the connection. Executor: the given one. Cancel: close(); what is awaited then fails. Outlives what it is
/// asked.
class HttpsConnection {
  public:
    HttpsConnection(boost::asio::any_io_executor executor, Endpoint endpoint, Route route);
    ~HttpsConnection();

    /// Errors: denied (another key than the pinned one), unavailable. Nothing of ours was sent before the pin matched.
    boost::asio::awaitable<Result<>> open();
    bool is_open() const;
    /// 32 bytes that only the two ends of it know; empty: TLS has no exporter.
    std::string binding() const;
    const Met& met() const { return met_; }
    /// Errors: io (sent, or partly, and no answer came). Then, and after one that is not whole, it is closed.
    boost::asio::awaitable<Result<HttpAnswer>> ask(HttpRequest request, std::chrono::seconds within,
                                                   std::size_t most_bytes);
    void close();

  private:
    struct Stream;
    boost::asio::any_io_executor executor_;
    Endpoint endpoint_;
    Route route_;
    Met met_;
    std::shared_ptr<Stream> stream_;  // owners: this, and what is awaited on it
};

}  // namespace edge::agent
