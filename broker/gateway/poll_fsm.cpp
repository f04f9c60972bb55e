#include "broker/gateway/poll_fsm.hpp"

#include <utility>

namespace edge::broker::gateway {

PollFsm::Post PollFsm::posted(std::uint64_t number) const {
    if (number == taken_ && number != 0) return Post::seen;
    return number == taken_ + 1 ? Post::take : Post::wrong_number;
}

PollFsm::Asked PollFsm::asked(std::uint64_t after) {
    Asked asked;
    const bool again = in_the_air_ && after + 1 == given_;
    if (after != given_ && !again) {
        asked.answer = PollAnswer{.kind = PollAnswer::Kind::wrong_number};
        return asked;
    }
    if (again) {
        asked.answer = PollAnswer{PollAnswer::Kind::message, given_, *in_the_air_, {}};
        return asked;
    }
    asked.taken = std::exchange(in_the_air_, std::nullopt).has_value();
    held_ = true;
    asked.answer = next();
    return asked;
}

std::optional<PollAnswer> PollFsm::write(std::string message) {
    in_the_air_ = std::move(message);
    ++given_;
    if (!std::exchange(held_, false)) return {};
    return PollAnswer{PollAnswer::Kind::message, given_, *in_the_air_, {}};
}

std::optional<PollAnswer> PollFsm::close(CloseCode code, std::string reason) {
    closed_ = PollAnswer{PollAnswer::Kind::closed, 0, std::move(reason), code};
    return next();
}

std::optional<PollAnswer> PollFsm::next() {
    if (!held_ || !closed_ || in_the_air_) return {};
    held_ = false;
    told_close_ = true;
    return closed_;
}

}  // namespace edge::broker::gateway
