// One-time codes of sign-in links: a browser trades one for the token of whoever made the link. In memory only.
#pragma once
#include <chrono>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace edge::broker::api {

/// Executor: any thread.
class SignInCodes {
  public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::minutes kLifetime{10};
    static constexpr std::size_t kMost = 64;  // then the oldest goes

    /// A new code, 128 bits of chance, good once and until `now` + kLifetime.
    std::string issue(std::string token, Time now);
    /// The token it was issued for; the code is gone then. Empty for one that was never issued, was used or is too old.
    std::optional<std::string> redeem(std::string_view code, Time now);

  private:
    struct Issued {
        std::string code;
        std::string token;
        Time good_until;
    };
    std::mutex mutex_;
    std::deque<Issued> issued_;  // the oldest first
};

}  // namespace edge::broker::api
