// How a spool comes back: what open() does, and renew().
#include <algorithm>

#include "agent/spool/names.hpp"
#include "agent/spool/spool.hpp"
#include "protocol/crypto/keys.hpp"
#include "protocol/json/described.hpp"

namespace edge::agent {
namespace {

using spool::segment_name;

constexpr std::size_t kChunk = 1024 * 1024;

SpoolId fresh_id() {
    SpoolId id;
    fill_random(id.bytes);
    return id;
}

struct Candidate {
    std::uint64_t number = 0;
    std::string bytes;
    Result<spool::Header> header = Error{};
    const spool::Kept* kept = nullptr;  // then it has no bytes here: nobody needs them
};

/// The header of a kept segment, or nothing where it is not what the note of it says.
Result<spool::Header> kept_header(Disk& disk, const std::string& name, const spool::Kept& kept, const spool::Ack& ack) {
    EDGE_TRY(const auto bytes, disk.read_at(name, 0, spool::kHeaderBytes));
    EDGE_TRY(auto header, spool::decode_header(bytes));
    const bool fits = header.number == kept.segment && header.spool_id == ack.spool_id && kept.last_result <= ack.acked;
    if (!fits) return Error{Errc::bad_syntax, name, "not the segment that was kept"};
    return header;
}

/// All segments by number. Errors: unsupported before anything was touched.
Result<std::vector<Candidate>> read_segments(Disk& disk, const spool::Ack& ack) {
    static const std::vector<spool::Kept> kNone;
    const std::vector<spool::Kept>& noted = ack.kept ? *ack.kept : kNone;
    std::vector<Candidate> all;
    EDGE_TRY(auto names, disk.list());
    for (const std::string& name : names) {
        const auto number = spool::segment_number(name);
        if (!number) continue;
        const auto kept = std::ranges::find(noted, *number, &spool::Kept::segment);
        if (kept != noted.end()) {
            if (auto header = kept_header(disk, name, *kept, ack)) {
                all.push_back({*number, {}, std::move(header), &*kept});
                continue;
            }
        }
        EDGE_TRY(auto bytes, disk.read(name));
        auto header = spool::decode_header(bytes);
        if (!header && header.error().code == Errc::unsupported) {
            return Error{Errc::unsupported, name, header.error().detail + "; use a newer one, or move the spool away"};
        }
        if (header && header.value().number != *number)
            header = Error{Errc::bad_syntax, name, "its header has another number"};
        all.push_back({*number, std::move(bytes), std::move(header)});
    }
    return all;
}

std::string field(const char* key, std::uint64_t value) {
    return std::string(" ") + key + "=" + std::to_string(value);
}

}  // namespace

Result<Spool> Spool::open(Disk& disk, Terms terms) {
    Spool spool(disk, terms);
    EDGE_TRY(spool.recover());
    return spool;
}

Result<> Spool::recover() {
    spool::Ack ack;
    if (auto text = disk_->read(spool::kAckFile)) ack = spool::decode_ack(text.value()).value_or(spool::Ack());
    EDGE_TRY(auto segments, read_segments(*disk_, ack));
    EDGE_TRY(disk_->sync_names());  // a process that was killed may not have come to it
    EDGE_TRY(disk_->remove(spool::kRenewing));
    for (const Candidate& one : segments) {
        if (one.header) id_ = one.header.value().spool_id;  // the newest decides
    }
    if (id_.is_nil()) id_ = fresh_id();
    if (ack.spool_id == id_) acked_ = ack.acked;
    std::uint64_t highest = 0;
    std::uint64_t expected = 0;
    for (std::size_t i = 0; i < segments.size(); ++i) {
        Candidate& one = segments[i];
        highest = one.number;
        if (one.header && one.header.value().spool_id != id_) {  // left behind by renew()
            EDGE_TRY(disk_->remove(segment_name(one.number)));
            continue;
        }
        if (!one.header) {
            damaged_files_.push_back(segment_name(one.number));
            notes_.push_back("spool_damaged segment=" + std::to_string(one.number) + field("bytes", one.bytes.size()) +
                             " where=header");
            continue;
        }
        const spool::Header& header = one.header.value();
        if (sealed_.empty()) gone_ = header.next_result - 1;
        if (one.kept && expected == 0) {
            sealed_.push_back(
                {one.number, header.next_result, one.kept->last_result, one.kept->bytes, one.kept->since_us});
            kept_bytes_ += one.kept->bytes;
            work_committed_ = header.work_last;
            continue;
        }
        if (one.kept) {  // nobody keeps one behind one that is needed
            EDGE_TRY(one.bytes, disk_->read(segment_name(one.number)));
        }
        if (expected != 0 && one.number != expected) numbers_missing_ = true;
        if (expected == 0) acked_ = std::max(acked_, header.next_result - 1);  // only acknowledged ones are deleted
        expected = one.number + 1;
        work_committed_ = header.work_last;
        EDGE_TRY(load(header, one.bytes, i + 1 == segments.size() ? spool::Segment::last : spool::Segment::sealed));
        one.bytes = {};
    }
    result_last_ = last();
    read_gap();
    active_ = std::max(active_, highest);
    if (numbers_missing_ || !damaged_files_.empty()) return renew("damage");
    if (expected == 0) return begin_segment(highest + 1, {});
    sealed_.pop_back();                         // load() counts the active one too
    return disk_->sync(segment_name(active_));  // its end may be of a process that was killed before it had synced it
}

Result<> Spool::load(const spool::Header& header, const std::string& bytes, spool::Segment kind) {
    const std::uint64_t number = header.number;
    const spool::Scan scan = spool::scan_records(bytes, kind);
    for (const spool::Found& found : scan.records) take(found, number);
    if (scan.end < bytes.size()) {
        notes_.push_back("spool_torn_tail segment=" + std::to_string(number) + field("offset", scan.end) +
                         field("bytes", bytes.size() - scan.end));
        EDGE_TRY(disk_->truncate(segment_name(number), scan.end));
        EDGE_TRY(disk_->sync(segment_name(number)));
    }
    if (scan.damaged > 0) {
        damaged_files_.push_back(segment_name(number));
        notes_.push_back("spool_damaged segment=" + std::to_string(number) + field("offset", scan.damaged_at) +
                         field("bytes", scan.damaged));
    }
    active_ = number;
    active_first_ = header.next_result;
    active_bytes_ = scan.end;
    sealed_.push_back({number, header.next_result, last(), scan.end, std::nullopt});
    return ok();
}

void Spool::take(const spool::Found& found, std::uint64_t segment) {
    const spool::Record& record = found.record;
    switch (record.kind) {
        case spool::Kind::accept:
            open_.emplace(record.attempt, Open{std::string(record.body), segment});
            work_committed_ = record.seq;
            break;
        case spool::Kind::work:
            work_committed_ = record.seq;
            break;
        case spool::Kind::result:
            open_.erase(record.attempt);
            if (record.seq <= acked_) break;
            if (record.seq != last() + 1) numbers_missing_ = true;
            finished_.insert(record.attempt);
            index_.push_back({segment, static_cast<std::uint32_t>(found.body_offset),
                              static_cast<std::uint32_t>(record.body.size()), record.attempt});
            break;
    }
}

/// A part of the new segment, synced. It replaces nothing before it is renamed, so that it may fail and be tried again.
Result<> Spool::write_renewed(std::string_view bytes) {
    auto written = disk_->append(spool::kRenewing, bytes);
    if (written) written = disk_->sync(spool::kRenewing);
    if (written) return ok();
    EDGE_TRY(disk_->remove(spool::kRenewing));  // what it took is needed by others
    return later_if_full(written);
}

Result<> Spool::renew(const std::string& reason) {
    EDGE_TRY(commit());
    const std::uint64_t number = active_ + 1;
    const SpoolId id = fresh_id();
    const std::uint64_t given_up = gap_ ? gap_->last - gap_->first + 1 : 0;  // they come first in the new numbers
    EDGE_TRY(disk_->remove(spool::kRenewing));
    std::size_t offset = spool::kHeaderBytes;
    std::string chunk = spool::encode_header(
        {.spool_id = id, .number = number, .next_result = given_up + 1, .work_last = work_committed_});
    const auto add = [&](const spool::Record& record) {
        spool::append_record(chunk, record, spool::kHeaderBytes);
        offset += spool::kRecordBytes + record.body.size();
    };
    for (auto& [attempt, open] : open_) add({spool::Kind::accept, work_committed_, attempt, open.body});
    std::deque<Place> renumbered;
    for (const Place& place : index_) {
        EDGE_TRY(auto body, disk_->read_at(segment_name(place.segment), place.offset, place.bytes));
        auto message = link::decode_message(body);
        auto* result = message && message.value().size() == 1
                           ? std::get_if<link::TaskResult>(&message.value()[0].envelope)
                           : nullptr;
        if (!result) {
            notes_.push_back("spool_result_unreadable task=" + place.attempt.task_id.text());
            finished_.erase(place.attempt);
            continue;
        }
        result->n = given_up + renumbered.size() + 1;
        body = encode_envelope(*result, message.value()[0].detail);
        renumbered.push_back({number, static_cast<std::uint32_t>(offset + spool::kRecordBytes),
                              static_cast<std::uint32_t>(body.size()), place.attempt});
        add({spool::Kind::result, result->n, place.attempt, body});
        if (chunk.size() >= kChunk) {
            EDGE_TRY(write_renewed(chunk));
            chunk.clear();
        }
    }
    // A group of its own, so that a later reader knows that all before it was synced.
    spool::append_record(chunk, {.kind = spool::Kind::work, .seq = work_committed_, .attempt = {}, .body = {}},
                         static_cast<std::uint32_t>(offset));
    offset += spool::kRecordBytes;
    EDGE_TRY(write_renewed(chunk));
    EDGE_TRY(disk_->rename(spool::kRenewing, segment_name(number)));
    EDGE_TRY(disk_->sync_names());  // from here on the new spool is the one
    if (gap_) {
        gap_ = link::SpoolGap{1, given_up, gap_->from_us, gap_->to_us};
        const auto noted = later_if_full(disk_->replace(spool::kGapFile, spool::encode_given_up({id, *gap_})));
        if (!noted && noted.error().code != Errc::unavailable) return noted;
    }

    EDGE_TRY(auto names, disk_->list());
    for (const std::string& name : names) {
        const auto old = spool::segment_number(name);
        if (!old || *old >= number) continue;
        const bool damaged = std::find(damaged_files_.begin(), damaged_files_.end(), name) != damaged_files_.end();
        EDGE_TRY(damaged ? disk_->rename(name, "damaged-" + name) : disk_->remove(name));
    }
    EDGE_TRY(disk_->sync_names());
    notes_.push_back("spool_renewed reason=" + reason + " spool_id=" + id.text() + field("results", renumbered.size()));
    for (auto& [attempt, open] : open_) open.segment = number;
    id_ = id;
    gone_ = acked_ = given_up;
    index_ = std::move(renumbered);
    result_last_ = last();
    sealed_.clear();
    kept_bytes_ = 0;
    damaged_files_.clear();
    numbers_missing_ = false;
    active_ = number;
    active_first_ = given_up + 1;
    active_bytes_ = offset;
    return ok();
}

}  // namespace edge::agent
