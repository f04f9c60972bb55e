// Where log lines go that the journal is to know by their fields: its own socket.
#pragma once
#include <spdlog/sinks/base_sink.h>

#include <memory>
#include <mutex>
#include <string>

#include "protocol/systemd/datagram_sender.hpp"

namespace edge::systemd {

inline constexpr const char* kJournalSocket = "/run/systemd/journal/socket";

/// Is this descriptor the journal's, by JOURNAL_STREAM's device:inode? Source: systemd.exec(5).
bool is_journal(int fd, const char* journal_stream);

/// A line too long for a datagram goes as a sealed file in memory. One that cannot be handed over goes to `otherwise`.
/// Executor: any thread.
class JournalSink final : public spdlog::sinks::base_sink<std::mutex> {
  public:
    JournalSink(std::string program, spdlog::sink_ptr otherwise, std::string socket = kJournalSocket);

  private:
    void sink_it_(const spdlog::details::log_msg& message) override;
    void flush_() override {}

    std::string program_;
    spdlog::sink_ptr otherwise_;  // owners: this alone
    DatagramSender sender_;
};

}  // namespace edge::systemd
