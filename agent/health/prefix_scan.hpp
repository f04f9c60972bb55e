// Reads the prefix file through for some addresses, a piece a turn of the loop, so that nothing else waits for it.
#pragma once
#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/fd.hpp"
#include "agent/health/prefix_lines.hpp"

namespace edge::agent {

/// All that is wrong with a prefix file, at once: for the start. Empty: nothing.
std::vector<Error> check_prefix_file(const std::string& path);

/// Owns: what it found, until the file changes. Executor: the one io_context. Cancel: the destructor.
class PrefixScan {
  public:
    using Found = std::function<void(const std::string& address, const std::optional<Origin>& origin)>;

    /// `found` is called for each address that was asked for, perhaps at once.
    PrefixScan(boost::asio::io_context& io, std::string path, Found found)
        : io_(io), path_(std::move(path)), found_(std::move(found)) {}

    void find(const std::string& address);

  private:
    struct Stamp {  // of the file: another one is another file
        std::int64_t seconds = 0, nanoseconds = 0, size = 0;
        std::uint64_t inode = 0;
        friend bool operator==(const Stamp&, const Stamp&) = default;
    };
    std::optional<Stamp> stamp() const;
    void begin();
    void step();
    void end();

    boost::asio::io_context& io_;
    std::string path_;
    Found found_;
    std::map<std::string, std::optional<Origin>> known_;
    Stamp of_known_;
    bool told_missing_ = false;
    std::vector<std::string> waiting_;
    struct Scan {
        Fd file;
        Stamp stamp;
        std::vector<std::string> addresses;
        PrefixLines lines;
    };
    std::optional<Scan> scan_;
};

}  // namespace edge::agent
