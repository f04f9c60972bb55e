// What becomes of results that are acknowledged: their segments stay for a while, since the other side may come back
// from a backup that does not have them.
#include <algorithm>

#include "agent/spool/names.hpp"
#include "agent/spool/spool.hpp"

namespace edge::agent {

Result<> Spool::ack(std::uint64_t n, std::uint64_t now_wall_us) {
    if (n <= acked_ || n > last()) return ok();
    if (gap_ && n > gap_->last) {  // who has what comes behind it was told of it before
        EDGE_TRY(forget_gap());
    }
    forget_results(n);
    return keep_acknowledged(now_wall_us);
}

void Spool::forget_results(std::uint64_t upto) {
    for (; acked_ < upto; ++acked_) {
        finished_.erase(index_.front().attempt);
        index_.pop_front();
    }
}

Result<> Spool::keep_acknowledged(std::uint64_t now_wall_us) {
    std::uint64_t oldest_open = kNotWrittenYet;
    for (const auto& [attempt, open] : open_) oldest_open = std::min(oldest_open, open.segment);
    bool changed = false;
    for (Sealed& segment : sealed_) {
        if (segment.kept_since_us) continue;
        if (segment.last_result > acked_ || segment.number >= oldest_open) break;
        segment.kept_since_us = now_wall_us;
        kept_bytes_ += segment.bytes;
        changed = true;
    }
    if (!changed) return ok();
    // The next segment's header says the number too, and what is not known to be kept is read as if it were needed: on
    // a full disk it is the removal of kept ones that makes space.
    auto noted = later_if_full(save_ack());
    if (!noted && noted.error().code != Errc::unavailable) return noted;
    return drop_old(now_wall_us);
}

Result<> Spool::drop_old(std::uint64_t now_wall_us) {
    const auto is_old = [&](const Sealed& segment) {
        return now_wall_us > *segment.kept_since_us && now_wall_us - *segment.kept_since_us >= terms_.keep_us;
    };
    while (has_kept() && (kept_bytes_ > terms_.keep_bytes || is_old(sealed_.front()))) {
        EDGE_TRY(remove_oldest());
    }
    return ok();
}

/// One at a time, in order: an accept must not outlive the result that closed it.
Result<> Spool::remove_oldest() {
    const Sealed oldest = sealed_.front();
    EDGE_TRY(disk_->remove(spool::segment_name(oldest.number)));
    EDGE_TRY(disk_->sync_names());
    gone_ = std::max(gone_, oldest.last_result);
    if (oldest.kept_since_us) kept_bytes_ -= oldest.bytes;
    sealed_.pop_front();
    return ok();
}

Result<> Spool::save_ack() {
    spool::Ack ack{id_, acked_, std::vector<spool::Kept>()};
    for (const Sealed& segment : sealed_) {
        if (!segment.kept_since_us) break;
        ack.kept->push_back({segment.number, segment.last_result, segment.bytes, *segment.kept_since_us});
    }
    return disk_->replace(spool::kAckFile, spool::encode_ack(ack));
}

/// Acknowledged results of a segment, down to the one after `after`, before those in `back`. False: one is missing, so
/// that what is older cannot be sent without a gap.
bool Spool::take_back(std::uint64_t segment, std::uint64_t first_result, std::uint64_t after, std::deque<Place>& back) {
    const auto bytes = disk_->read(spool::segment_name(segment));
    if (!bytes) return false;
    const spool::Scan scan = spool::scan_records(bytes.value(), spool::Segment::sealed);
    for (auto found = scan.records.rbegin(); found != scan.records.rend(); ++found) {
        const spool::Record& record = found->record;
        const std::uint64_t wanted = acked_ - back.size();
        if (record.kind != spool::Kind::result || record.seq > wanted || record.seq <= after) continue;
        if (record.seq != wanted) return false;
        back.push_front({segment, static_cast<std::uint32_t>(found->body_offset),
                         static_cast<std::uint32_t>(record.body.size()), record.attempt});
    }
    return acked_ - back.size() < std::max(first_result, after + 1);
}

void Spool::rewind(std::uint64_t n) {
    if (n >= acked_) return;
    std::deque<Place> back;
    bool whole = active_first_ > acked_ || take_back(active_, active_first_, n, back);
    for (auto segment = sealed_.rbegin(); whole && segment != sealed_.rend() && segment->last_result > n; ++segment) {
        if (segment->first_result <= acked_ - back.size())
            whole = take_back(segment->number, segment->first_result, n, back);
    }
    for (const Place& place : back) finished_.insert(place.attempt);
    acked_ -= back.size();
    index_.insert(index_.begin(), back.begin(), back.end());
    if (acked_ > n) gone_ = std::max(gone_, acked_);
    for (Sealed& segment : sealed_) {
        if (!segment.kept_since_us || segment.last_result <= acked_) continue;
        kept_bytes_ -= segment.bytes;
        segment.kept_since_us.reset();
    }
    notes_.push_back("spool_rewound to=" + std::to_string(acked_) + " asked=" + std::to_string(n) +
                     " results=" + std::to_string(back.size()));
}

}  // namespace edge::agent
