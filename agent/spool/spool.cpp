#include "agent/spool/spool.hpp"

#include "agent/spool/names.hpp"
#include "protocol/json/text.hpp"

namespace edge::agent {

std::vector<link::AttemptRef> Spool::open_attempts() const {
    std::vector<link::AttemptRef> attempts;
    for (const auto& [attempt, open] : open_) attempts.push_back(attempt);  // until remember() of its result
    return attempts;
}

std::uint64_t Spool::bytes() const {
    if (index_.empty() && open_.empty() && pending_.empty()) return 0;
    std::uint64_t bytes = active_bytes_;
    for (const Sealed& segment : sealed_) bytes += segment.bytes;
    return bytes - kept_bytes_;
}

AcceptedTask Spool::accepted(const link::AttemptRef& attempt) const {
    const auto json = parse_json(open_.at(attempt).body);
    auto task = json ? decode<AcceptedTask>(json.value(), UnknownFields::ignore) : Result<AcceptedTask>(json.error());
    return task ? std::move(task.value()) : AcceptedTask{};
}

void Spool::accept(std::uint64_t work_n, const link::AttemptRef& attempt, const AcceptedTask& task) {
    std::string body = json_text(task);
    open_.emplace(attempt, Open{body, kNotWrittenYet});
    pending_.push_back({spool::Kind::accept, work_n == 0 ? work_noted() : work_n, attempt, std::move(body)});
}

/// The last work number, with what is pending.
std::uint64_t Spool::work_noted() const {
    for (auto record = pending_.rbegin(); record != pending_.rend(); ++record) {
        if (record->kind != spool::Kind::result) return record->seq;
    }
    return work_committed_;
}

void Spool::note_work(std::uint64_t work_n) {
    pending_.push_back({spool::Kind::work, work_n, {}, {}});
}

std::uint64_t Spool::finish(link::TaskResult result, std::string_view detail) {
    const link::AttemptRef attempt{result.task_id, result.attempt};
    result.n = ++result_last_;
    finished_.insert(attempt);
    pending_.push_back({spool::Kind::result, result_last_, attempt, encode_envelope(result, detail)});
    return result_last_;
}

void Spool::remember(const Pending& record, std::size_t body_offset) {
    switch (record.kind) {
        case spool::Kind::accept:
            if (const auto open = open_.find(record.attempt); open != open_.end()) open->second.segment = active_;
            work_committed_ = record.seq;
            break;
        case spool::Kind::result:
            index_.push_back({active_, static_cast<std::uint32_t>(body_offset),
                              static_cast<std::uint32_t>(record.body.size()), record.attempt});
            open_.erase(record.attempt);
            break;
        case spool::Kind::work:
            work_committed_ = record.seq;
            break;
    }
}

Result<> Spool::begin_segment(std::uint64_t number, std::string_view records) {
    const spool::Header header{
        .spool_id = id_, .number = number, .next_result = last() + 1, .work_last = work_committed_};
    EDGE_TRY(later_if_full(disk_->replace(spool::segment_name(number), spool::encode_header(header).append(records))));
    active_ = number;
    active_first_ = header.next_result;
    active_bytes_ = spool::kHeaderBytes + records.size();
    return ok();
}

Result<> Spool::commit() {
    while (true) {
        auto done = try_commit();
        if (done || done.error().code != Errc::unavailable || !has_kept()) return done;
        EDGE_TRY(remove_oldest());
    }
}

Result<> Spool::try_commit() {
    if (pending_.empty()) return ok();
    std::size_t bytes = 0;
    for (const Pending& record : pending_) bytes += spool::kRecordBytes + record.body.size();
    if (active_bytes_ > spool::kHeaderBytes && active_bytes_ + bytes > terms_.segment_bytes) {
        const Sealed full{active_, active_first_, last(), active_bytes_, std::nullopt};
        EDGE_TRY(begin_segment(active_ + 1, {}));
        sealed_.push_back(full);
    }
    std::string group;
    group.reserve(bytes);
    for (const Pending& record : pending_) {
        spool::append_record(group, {record.kind, record.seq, record.attempt, record.body},
                             static_cast<std::uint32_t>(active_bytes_));
    }
    const std::string name = spool::segment_name(active_);
    if (auto written = disk_->append(name, group); !written) {
        EDGE_TRY(disk_->truncate(name, active_bytes_));
        return later_if_full(written);
    }
    EDGE_TRY(disk_->sync(name));
    std::size_t at = active_bytes_;
    for (const Pending& record : pending_) {
        remember(record, at + spool::kRecordBytes);
        at += spool::kRecordBytes + record.body.size();
    }
    active_bytes_ = at;
    pending_.clear();
    return ok();
}

Result<std::string> Spool::result(std::uint64_t n) {
    const Place& place = index_[n - acked_ - 1];
    return disk_->read_at(spool::segment_name(place.segment), place.offset, place.bytes);
}

}  // namespace edge::agent
