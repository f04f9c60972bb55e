// The broker's I/O threads: one io_context each; whatever lives on one is touched by that thread only.
#pragma once
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <thread>
#include <vector>

namespace edge::http {

/// Owns: contexts and threads. Destroy after everything that posts to them.
class IoThreads {
  public:
    explicit IoThreads(unsigned count);
    ~IoThreads();

    void start();
    /// Ends the threads; work that is still queued is dropped with the contexts. From any thread but its own.
    void stop();

    std::size_t size() const { return contexts_.size(); }
    boost::asio::io_context& at(std::size_t index) { return *contexts_[index]; }

  private:
    std::vector<std::unique_ptr<boost::asio::io_context>> contexts_;
    std::vector<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> guards_;
    std::vector<std::thread> threads_;
};

}  // namespace edge::http
