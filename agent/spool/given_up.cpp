// What becomes of a spool that may not grow: the oldest results go, and a note of them stays.
#include <algorithm>

#include "agent/spool/names.hpp"
#include "agent/spool/spool.hpp"

namespace edge::agent {

Result<> Spool::give_up_oldest() {
    while (has_kept()) {
        EDGE_TRY(remove_oldest());
    }
    if (sealed_.empty()) return ok();
    const Sealed oldest = sealed_.front();
    EDGE_TRY(accept_again(oldest.number));
    EDGE_TRY(note_gap(oldest));
    // What is missing now was noted before; what was noted and is still there when the power goes is taken back.
    EDGE_TRY(remove_oldest());
    forget_results(oldest.last_result);
    return ok();
}

/// What is unfinished is answered for after a restart, wherever its accept was.
Result<> Spool::accept_again(std::uint64_t segment) {
    for (const auto& [attempt, open] : open_) {
        const auto is_it = [&, &one = attempt](const Pending& record) { return record.attempt == one; };
        if (open.segment == segment && std::ranges::none_of(pending_, is_it))
            pending_.push_back({spool::Kind::accept, work_noted(), attempt, open.body});
    }
    return commit();
}

Result<> Spool::note_gap(const Sealed& segment) {
    if (segment.last_result <= acked_) return ok();
    link::SpoolGap gap{acked_ + 1, segment.last_result, began_us(acked_ + 1), began_us(segment.last_result)};
    notes_.push_back("results_given_up from=" + std::to_string(gap.first) + " to=" + std::to_string(gap.last));
    if (gap_) {
        gap.first = gap_->first;
        gap.from_us = gap_->from_us;
    }
    EDGE_TRY(later_if_full(disk_->replace(spool::kGapFile, spool::encode_given_up({id_, gap}))));
    gap_ = gap;
    return ok();
}

/// 0 where it cannot be read.
std::uint64_t Spool::began_us(std::uint64_t n) {
    const auto body = result(n);
    const auto message = body ? link::decode_message(body.value()) : Result<std::vector<link::Received>>(body.error());
    if (!message || message.value().size() != 1) return 0;
    const auto* result = std::get_if<link::TaskResult>(&message.value()[0].envelope);
    return result ? result->started_us : 0;
}

void Spool::read_gap() {
    const auto text = disk_->read(spool::kGapFile);
    if (!text) return;
    const auto noted = spool::decode_given_up(text.value());
    if (!noted || noted->spool_id != id_ || noted->gap.first > acked_) return;
    gap_ = noted->gap;
    gap_->last = std::min(gap_->last, acked_);
}

Result<> Spool::forget_gap() {
    gap_.reset();
    return disk_->remove(spool::kGapFile);
}

}  // namespace edge::agent
