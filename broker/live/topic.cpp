#include "broker/live/topic.hpp"

namespace edge::broker::live {

TopicEventPtr Topic::publish(std::string_view name, std::string object, std::string data) {
    auto event = std::make_shared<const TopicEvent>(TopicEvent{++seq_, name, std::move(object), std::move(data)});
    kept_.push_back(event);
    kept_bytes_ += event->data.size();
    while (kept_.size() > kMostKept || (kept_bytes_ > kMostKeptBytes && kept_.size() > 1)) {
        kept_bytes_ -= kept_.front()->data.size();
        kept_.pop_front();
    }
    return event;
}

void Topic::skip() {
    ++seq_;
    kept_.clear();
    kept_bytes_ = 0;
}

std::optional<std::vector<TopicEventPtr>> Topic::after(std::uint64_t seq) const {
    if (seq > seq_ || seq_ - seq > kept_.size()) return std::nullopt;
    return std::vector<TopicEventPtr>(kept_.end() - static_cast<std::ptrdiff_t>(seq_ - seq), kept_.end());
}

}  // namespace edge::broker::live
