#include "agent/health/prefix_scan.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/asio/post.hpp>
#include <cerrno>

namespace edge::agent {
namespace {

constexpr std::size_t kPiece = 32 * 1024;  // about 0.3 ms of work
constexpr std::size_t kKnown = 256;        // more than 32 lines have addresses

/// False at the end of the file, or where it cannot be read on.
bool read_piece(const Fd& file, PrefixLines& lines) {
    std::array<char, kPiece> bytes;
    const ssize_t got = ::read(file.number(), bytes.data(), bytes.size());
    if (got > 0) lines.push({bytes.data(), static_cast<std::size_t>(got)});
    if (got <= 0) lines.finish();
    return got > 0;
}

}  // namespace

std::vector<Error> check_prefix_file(const std::string& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return {os_error(errno, path, "cannot be read; set [health] prefix_file")};
    PrefixLines lines(path, {});
    while (read_piece(file, lines)) {
    }
    return lines.problems();
}

std::optional<PrefixScan::Stamp> PrefixScan::stamp() const {
    struct stat status {};
    if (::stat(path_.c_str(), &status) != 0) return std::nullopt;
    return Stamp{status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_size, status.st_ino};
}

void PrefixScan::find(const std::string& address) {
    const auto now = stamp();
    const auto known = known_.find(address);
    if (now && *now == of_known_ && known != known_.end()) return found_(address, known->second);
    waiting_.push_back(address);
    if (!scan_) begin();
}

void PrefixScan::begin() {
    std::vector<std::string> asked = std::exchange(waiting_, {});
    const auto is = stamp();
    Fd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file || !is) {
        if (!std::exchange(told_missing_, true))
            spdlog::error("prefix_file_missing file={} why=\"{}\"", path_, os_error(errno, path_).message());
        for (const std::string& address : asked) found_(address, std::nullopt);
        return;
    }
    told_missing_ = false;
    std::vector<IpAddress> addresses;
    for (const std::string& text : asked) addresses.push_back(IpAddress::parse(text).value());  // health parsed it
    scan_.emplace(Scan{std::move(file), *is, std::move(asked), PrefixLines(path_, std::move(addresses))});
    step();
}

void PrefixScan::step() {
    if (!read_piece(scan_->file, scan_->lines)) return end();
    boost::asio::post(io_, [this] { step(); });
}

void PrefixScan::end() {
    const Scan scan = std::move(*scan_);
    scan_.reset();
    if (!(scan.stamp == of_known_) || known_.size() > kKnown) known_.clear();
    of_known_ = scan.stamp;
    for (const Error& problem : scan.lines.problems())
        spdlog::error("prefix_file_wrong what=\"{}\"", problem.message());
    const auto found = scan.lines.found();
    for (std::size_t i = 0; i < found.size(); ++i) {
        known_[scan.addresses[i]] = found[i];
        found_(scan.addresses[i], found[i]);
    }
    if (!waiting_.empty() && !scan_) begin();
}

}  // namespace edge::agent
