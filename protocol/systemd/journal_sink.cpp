#include "protocol/systemd/journal_sink.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "protocol/systemd/journal_entry.hpp"

namespace edge::systemd {
namespace {

/// As syslog(3) counts.
int priority_of(spdlog::level::level_enum level) {
    switch (level) {
        case spdlog::level::critical:
            return 2;
        case spdlog::level::err:
            return 3;
        case spdlog::level::warn:
            return 4;
        case spdlog::level::info:
            return 6;
        default:
            return 7;
    }
}

/// Sealed, because the journal takes no file that could change while it reads. Source: sd_journal_print(3).
Result<Descriptor> sealed(std::string_view bytes) {
    Descriptor file(::memfd_create("journal-entry", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file) return os_error(errno, "memfd_create");
    while (!bytes.empty()) {
        const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return os_error(errno, "memfd");
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
        return os_error(errno, "memfd");
    return file;
}

Result<> hand_over(const DatagramSender& sender, const std::string& entry) {
    const auto sent = sender.send(entry, WhenFull::wait);
    if (sent || (sent.error().os_errno != EMSGSIZE && sent.error().os_errno != ENOBUFS)) return sent;
    EDGE_TRY(const auto file, sealed(entry));
    return sender.pass(file);
}

}  // namespace

bool is_journal(int fd, const char* journal_stream) {
    struct stat status {};
    if (journal_stream == nullptr || ::fstat(fd, &status) != 0) return false;
    return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) == journal_stream;
}

JournalSink::JournalSink(std::string program, spdlog::sink_ptr otherwise, std::string socket)
    : program_(std::move(program)), otherwise_(std::move(otherwise)), sender_(std::move(socket)) {}

void JournalSink::sink_it_(const spdlog::details::log_msg& message) {
    const std::string_view line(message.payload.data(), message.payload.size());
    if (!hand_over(sender_, journal_entry(program_, priority_of(message.level), line))) otherwise_->log(message);
}

}  // namespace edge::systemd
