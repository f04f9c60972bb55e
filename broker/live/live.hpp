// What the API needs of the live part of the broker.
#pragma once
#include <functional>
#include <string>

#include "broker/http/http.hpp"

namespace edge::broker::live {

/// Who reads. An administrator alone may see webhooks.
enum class Reader { administrator, other };

/// Executor: any thread.
class Live {
  public:
    virtual ~Live() = default;
    /// The overview's JSON; `reply` on a thread of its own.
    virtual void overview(std::function<void(std::string)> reply) = 0;
    /// Takes the connection of a request that was checked and authenticated. On the connection's thread.
    virtual void open(http::Upgraded&& upgraded, Reader reader) = 0;
};

}  // namespace edge::broker::live
