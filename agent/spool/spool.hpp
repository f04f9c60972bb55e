// Accepted work and finished results that survive the end of the process and of the machine's power. Pure but for Disk.
#pragma once
#include <boost/describe.hpp>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "agent/disk/disk.hpp"
#include "agent/spool/segment.hpp"

namespace edge::agent {

/// What an accept record keeps: enough to answer for an attempt that this process did not live to finish.
struct AcceptedTask {
    RunId run_id;
    LineName line;
    Service service = Service::ping;
    std::string target;
    std::uint64_t received_us = 0;
    std::optional<link::PlanRef> plan{};
};
BOOST_DESCRIBE_STRUCT(AcceptedTask, (), (run_id, line, service, target, received_us, plan))

struct AttemptHash {
    std::size_t operator()(const link::AttemptRef& ref) const noexcept {
        return std::hash<TaskId>{}(ref.task_id) ^ (static_cast<std::size_t>(ref.attempt) << 1);
    }
};

/// Buffers records until commit(); only what is committed may be told to anybody.
/// Errors: commit() answers unavailable when there is no space (nothing is lost, call again) and io when the medium
/// failed: then the process must end, because a failed fsync leaves the kernel's pages marked clean.
/// Source: docs/protocol.md; a result is known by (node, spool_id, n).
class Spool {
  public:
    /// How large a segment grows, and how long one stays that is acknowledged: until it is older than `keep_us`, or
    /// until all such together are more than `keep_bytes`.
    struct Terms {
        std::size_t segment_bytes = 4 * 1024 * 1024;
        std::uint64_t keep_bytes = 256 * 1024 * 1024;
        std::uint64_t keep_us = 24ULL * 3'600 * 1'000'000;
    };

    /// Recovers what is there; makes a spool where there is none. Errors: unsupported (a newer format; nothing
    /// touched), io.
    static Result<Spool> open(Disk& disk) { return open(disk, Terms()); }
    static Result<Spool> open(Disk& disk, Terms terms);

    /// What open() and renew() found and did, for the log, each line an event and its fields.
    std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }

    SpoolId id() const { return id_; }
    /// Lowest committed result not yet acknowledged; 0 when there is none.
    std::uint64_t first() const { return index_.empty() ? 0 : acked_ + 1; }
    /// Lowest result that can still be sent, acknowledged ones included; 0 when there is none.
    std::uint64_t first_kept() const { return gone_ < last() ? gone_ + 1 : 0; }
    /// Highest committed result ever.
    std::uint64_t last() const { return acked_ + index_.size(); }
    std::uint64_t acked() const { return acked_; }
    /// The work number committed last; within a session they only grow.
    std::uint64_t work_last() const { return work_committed_; }

    /// Accepted and unfinished, or finished and not yet acknowledged: not to be run again.
    bool knows(const link::AttemptRef& attempt) const { return open_.contains(attempt) || finished_.contains(attempt); }
    /// Accepted, and without a committed result.
    std::vector<link::AttemptRef> open_attempts() const;
    /// Of an open attempt.
    AcceptedTask accepted(const link::AttemptRef& attempt) const;

    /// `work_n`: 0 where it has none, being made here.
    void accept(std::uint64_t work_n, const link::AttemptRef& attempt, const AcceptedTask& task);
    /// A work number that needs no accept.
    void note_work(std::uint64_t work_n);
    /// Gives the result its number; answers it.
    std::uint64_t finish(link::TaskResult result, std::string_view detail);

    bool dirty() const { return !pending_.empty(); }
    /// What its segments take on disk, but for kept ones; 0 when nothing in them is needed any more, though the last
    /// one stays.
    std::uint64_t bytes() const;
    /// Kept segments are given up when there is no other space.
    Result<> commit();

    /// The bytes of a committed, unacknowledged result, as they go on the link.
    Result<std::string> result(std::uint64_t n);
    std::size_t result_bytes(std::uint64_t n) const { return index_[n - acked_ - 1].bytes; }

    /// All results up to n are stored elsewhere; the segments nobody needs are kept for a while.
    Result<> ack(std::uint64_t n, std::uint64_t now_wall_us);
    /// The other side has results up to n only, fewer than it had acknowledged: those behind are to be sent again, as
    /// far back as they are kept. acked() says how far that is.
    void rewind(std::uint64_t n);
    /// Deletes kept segments whose time has passed, or that are too many.
    Result<> drop_old(std::uint64_t now_wall_us);
    /// Makes room by giving up the oldest results, acknowledged or not: those of one segment at least, but never any of
    /// the one that is being written. What had no acknowledgement is in gap(), before and after a restart. Call it
    /// while nobody was told our numbers. Errors: as commit().
    Result<> give_up_oldest();
    /// What was given up and is not known to be known to the other side.
    const std::optional<link::SpoolGap>& gap() const { return gap_; }
    /// Writes the acknowledged number down: a restart then resends less. Losing it loses nothing.
    Result<> save_ack();

    /// A new spool_id and numbers from 1 for what is still here. For a spool whose numbers can no longer be continued:
    /// damage took some, or the other side knows more of them than we do. Errors: unavailable when there is no space
    /// for a second copy: the spool is as it was.
    Result<> renew(const std::string& reason);

  private:
    struct Pending {
        spool::Kind kind;
        std::uint64_t seq;
        link::AttemptRef attempt;
        std::string body;
    };
    struct Place {
        std::uint64_t segment;
        std::uint32_t offset;
        std::uint32_t bytes;
        link::AttemptRef attempt;
    };
    static constexpr std::uint64_t kNotWrittenYet = ~std::uint64_t{0};
    struct Open {
        std::string body;
        std::uint64_t segment;  // of its accept record
    };
    struct Sealed {
        std::uint64_t number;
        std::uint64_t first_result;  // in it or after
        std::uint64_t last_result;
        std::uint64_t bytes;
        std::optional<std::uint64_t> kept_since_us;  // nobody needs it
    };

    Spool(Disk& disk, Terms terms) : disk_(&disk), terms_(terms) {}
    Result<> recover();
    Result<> load(const spool::Header& header, const std::string& bytes, spool::Segment kind);
    void take(const spool::Found& found, std::uint64_t segment);
    Result<> begin_segment(std::uint64_t number, std::string_view records);
    Result<> try_commit();
    bool has_kept() const { return !sealed_.empty() && sealed_.front().kept_since_us; }
    Result<> keep_acknowledged(std::uint64_t now_wall_us);
    void forget_results(std::uint64_t upto);
    Result<> accept_again(std::uint64_t segment);
    Result<> note_gap(const Sealed& segment);
    std::uint64_t began_us(std::uint64_t n);
    void read_gap();
    Result<> forget_gap();
    Result<> remove_oldest();
    bool take_back(std::uint64_t segment, std::uint64_t first_result, std::uint64_t after, std::deque<Place>& back);
    Result<> write_renewed(std::string_view bytes);
    void remember(const Pending& record, std::size_t body_offset);
    std::uint64_t work_noted() const;

    Disk* disk_;
    Terms terms_;
    SpoolId id_;
    std::uint64_t gone_ = 0;  // the highest result that no file has any more
    std::uint64_t acked_ = 0;
    std::uint64_t result_last_ = 0;  // with what is pending
    std::uint64_t work_committed_ = 0;
    std::vector<Pending> pending_;
    std::deque<Place> index_;  // committed results from acked_ + 1
    std::unordered_map<link::AttemptRef, Open, AttemptHash> open_;
    std::unordered_set<link::AttemptRef, AttemptHash> finished_;
    std::deque<Sealed> sealed_;  // kept ones first
    std::uint64_t kept_bytes_ = 0;
    std::uint64_t active_ = 0;
    std::uint64_t active_first_ = 1;  // the first result in it or after
    std::size_t active_bytes_ = 0;
    std::vector<std::string> damaged_files_;
    bool numbers_missing_ = false;  // recovery found it so
    std::optional<link::SpoolGap> gap_;
    std::vector<std::string> notes_;
};

}  // namespace edge::agent
