// The store's reading thread: one question after the other, answered where it was asked to be.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "broker/store/store.hpp"

namespace edge::broker {

/// Owns: the thread. Executor: any thread may ask; questions run on the reading thread.
class ReadQueue {
  public:
    using Question = std::function<void(Store&)>;

    explicit ReadQueue(Store& store) : store_(store), thread_([this] { loop(); }) {}
    /// Answers what was asked, then joins the thread.
    ~ReadQueue() {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        wake_.notify_one();
        thread_.join();
    }
    void ask(Question question) {
        {
            const std::lock_guard lock(mutex_);
            waiting_.push_back(std::move(question));
        }
        wake_.notify_one();
    }

  private:
    void loop() {
        std::unique_lock lock(mutex_);
        while (true) {
            wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
            if (waiting_.empty()) return;
            const Question question = std::move(waiting_.front());
            waiting_.pop_front();
            lock.unlock();
            question(store_);
            lock.lock();
        }
    }

    Store& store_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Question> waiting_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace edge::broker
