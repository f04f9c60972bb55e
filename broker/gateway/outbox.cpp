#include "broker/gateway/outbox.hpp"

namespace edge::broker::gateway {

bool Outbox::push(const link::Envelope& envelope) {
    std::string line = link::encode_envelope(envelope);
    if (bytes_ + line.size() > kMostWaiting) return false;
    bytes_ += line.size();
    lines_.push_back(std::move(line));
    return true;
}

std::string Outbox::take(std::size_t most) {
    std::string message;
    while (!lines_.empty() && (message.empty() || message.size() + 1 + lines_.front().size() <= most)) {
        if (!message.empty()) message += '\n';
        message += lines_.front();
        bytes_ -= lines_.front().size();
        lines_.pop_front();
    }
    return message;
}

}  // namespace edge::broker::gateway
