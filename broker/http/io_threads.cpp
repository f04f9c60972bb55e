#include "broker/http/io_threads.hpp"

#include <pthread.h>

namespace edge::http {

IoThreads::IoThreads(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
        contexts_.push_back(std::make_unique<boost::asio::io_context>(1));
        guards_.emplace_back(contexts_.back()->get_executor());
    }
}

IoThreads::~IoThreads() {
    stop();
}

void IoThreads::start() {
    for (auto& context : contexts_) {
        threads_.emplace_back([&context = *context] { context.run(); });
        pthread_setname_np(threads_.back().native_handle(), "edge-io");
    }
}

void IoThreads::stop() {
    for (auto& context : contexts_) context->stop();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
}

}  // namespace edge::http
