// The store's reading thread: one question after the other, answered where it was asked to be.
#pragma once
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "broker/store/store.hpp"

namespace edge::broker {

/// Owns: the thread. Executor: any thread may ask; questions run on the reading thread. An exception out of one is a
/// defect: `fatal` is called, and nothing more is answered.
class ReadQueue {
  public:
    using Question = std::function<void(Store&)>;

    ReadQueue(Store& store, std::function<void(const Error&)> fatal)
        : store_(store), fatal_(std::move(fatal)), thread_([this] { run(); }) {}
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
    void run() {
        try {
            loop();
        } catch (const std::exception& e) {
            fatal_(Error{Errc::internal, "reading thread", e.what()});
        }
    }
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
    std::function<void(const Error&)> fatal_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Question> waiting_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace edge::broker
