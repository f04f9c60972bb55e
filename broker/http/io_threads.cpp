#include "broker/http/io_threads.hpp"

#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sysexits.h>

#include <cstdlib>
#include <exception>

namespace edge::http {

namespace {

/// Nobody knows what state an exception of an operation left behind; docs/exit-codes.md.
void run_to_the_end(boost::asio::io_context& context) {
    try {
        context.run();
    } catch (const std::exception& e) {
        spdlog::critical("broker.failed what=\"io thread: {}\" hint=\"a defect, please report it\"", e.what());
        spdlog::default_logger()->flush();
        std::_Exit(EX_SOFTWARE);
    }
}

}  // namespace

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
        threads_.emplace_back([&context = *context] { run_to_the_end(context); });
        pthread_setname_np(threads_.back().native_handle(), "edge-io");
    }
}

void IoThreads::stop() {
    for (auto& context : contexts_) context->stop();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
}

}  // namespace edge::http
