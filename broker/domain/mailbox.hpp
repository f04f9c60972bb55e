// Messages for the domain thread: taken all at once, so that what came together is written together.
#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "broker/domain/actions.hpp"

namespace edge::broker {

class Mailbox {
  public:
    using Message = std::function<void(Now, Actions&)>;

    /// False: the mailbox is closed and the message dropped.
    bool post(Message message) {
        bool first = false;
        {
            const std::lock_guard lock(mutex_);
            if (closed_) return false;
            first = messages_.empty();
            messages_.push_back(std::move(message));
        }
        if (first) wake_.notify_one();
        return true;
    }
    /// Everything that waits; nothing when `until` comes first.
    void take(std::vector<Message>& out, std::optional<std::chrono::steady_clock::time_point> until) {
        std::unique_lock lock(mutex_);
        const auto ready = [this] { return !messages_.empty(); };
        if (until)
            wake_.wait_until(lock, *until, ready);
        else
            wake_.wait(lock, ready);
        out.clear();
        out.swap(messages_);
    }
    void close() {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        messages_.clear();
    }

  private:
    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<Message> messages_;
    bool closed_ = false;
};

}  // namespace edge::broker
