// The real edge-broker as a process, in a folder of its own.
#pragma once
#include <atomic>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "protocol/json/bounded.hpp"

namespace edge::broker::test {

struct Ended {
    int code = -1;
    std::string out;
    std::string err;
};

/// Runs edge-broker to its end.
Ended run_broker(const std::vector<std::string>& arguments);

/// Started from `config`; the constructor returns when it is ready. Killed by its id when it still runs at the end.
class BrokerProcess {
  public:
    explicit BrokerProcess(const std::string& config);
    BrokerProcess(BrokerProcess&&) = delete;
    ~BrokerProcess();

    std::uint16_t api_port() const { return api_port_; }
    std::uint16_t gateway_port() const { return gateway_port_; }
    /// SIGTERM; its exit code, or -1 when it does not end.
    int stop();
    std::string log() const {
        const std::lock_guard lock(mutex_);
        return log_;
    }
    long resident_kib() const;

  private:
    enum class Log { more, ended, silent };
    Log read_log();
    void drain();

    int pid_ = 0;
    int stderr_ = -1;
    mutable std::mutex mutex_;  // of log_, which a thread reads: a full pipe would stop the broker
    std::string log_;
    std::thread reader_;
    std::atomic<bool> is_stopping_ = false;
    Log last_ = Log::more;  // of the reader, once it has ended
    std::uint16_t api_port_ = 0;
    std::uint16_t gateway_port_ = 0;
};

}  // namespace edge::broker::test
