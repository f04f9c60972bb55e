#include "agent/plan/plans.hpp"

#include "agent/plan/plan_files.hpp"

namespace edge::agent {
namespace {

constexpr std::size_t kLongestLog = 1024 * 1024;
constexpr std::chrono::minutes kContactAgain{10};

template <class T>
void append_all(std::vector<T>& to, std::vector<T> from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

Result<> Plans::open(Moment now) {
    EDGE_TRY(disk_.sync_names());  // a process that was killed may not have come to it
    EDGE_TRY(read_log(now));       // first: it says where each line of a plan goes on
    return read_plans(now);
}

Result<> Plans::set_aside(const char* file, const Error& why) {
    if (why.code == Errc::unsupported || why.code == Errc::io) return why;
    notes_.push_back("plan_file_damaged file=" + std::string(file) + " why=\"" + why.message() + "\" kept=damaged-" +
                     file);
    EDGE_TRY(disk_.rename(file, "damaged-" + std::string(file)));
    return disk_.sync_names();
}

Result<> Plans::read_plans(Moment now) {
    const auto text = disk_.read(kPlansFile);
    if (!text && text.error().code == Errc::not_found) return ok();
    if (!text) return text.error();
    auto plans = decode_plans(text.value());
    if (!plans) return set_aside(kPlansFile, plans.error());
    for (link::PlanSet& plan : plans.value()) {
        if (const auto taken = planner_.set(std::move(plan), now); !taken) {
            planner_.reset();
            return set_aside(kPlansFile, taken.error());
        }
    }
    return ok();
}

Result<> Plans::read_log(Moment now) {
    const auto log = disk_.read(kTicksFile);
    if (!log && log.error().code != Errc::not_found) return log.error();
    if (log) {
        auto read = read_ticks(log.value());
        if (read) {
            for (const FiredMark& mark : read.value().marks) planner_.fired(mark);
            contact_us_ = read.value().contact_us;
            if (contact_us_) planner_.contact_was(*contact_us_, now);
            log_bytes_ = read.value().end;
            if (log_bytes_ != log.value().size()) {
                EDGE_TRY(disk_.truncate(kTicksFile, log_bytes_));
            }
            return disk_.sync(kTicksFile);  // its end may be of a process that was killed before it had synced it
        }
        EDGE_TRY(set_aside(kTicksFile, read.error()));
    }
    return ok();  // the first commit makes it
}

void Plans::set(link::PlanSet plan, Moment now) {
    const JobId job = plan.job_id;
    plan.n = 0;
    if (const auto taken = planner_.set(std::move(plan), now); !taken) {
        planner_.drop(job);  // what there was of it is over in any case
        notes_.push_back("plan_refused job=" + job.text() + " why=\"" + taken.error().message() + "\"");
    }
    dirty_ = true;
}

void Plans::drop(JobId job) {
    planner_.drop(job);
    dirty_ = true;
}

void Plans::reset() {
    planner_.reset();
    dirty_ = true;
}

void Plans::in_contact(Moment now) {
    planner_.in_contact(now);
    contact_us_ = now.wall_us;
    contact_due_ = contact_due_ || !contact_written_ || now.steady - *contact_written_ >= kContactAgain;
}

std::vector<std::string> Plans::take_notes() {
    append_all(notes_, planner_.take_notes());
    return std::exchange(notes_, {});
}

Result<> Plans::commit(Moment now) {
    append_all(unwritten_, planner_.take_marks());
    const bool contact_matters = contact_due_ && !planner_.empty();
    if (dirty_ || log_bytes_ > kLongestLog) {
        // The log first: a plan may not be on the disk without what its lines have fired.
        EDGE_TRY(write_log(now));
        EDGE_TRY(later_if_full(disk_.replace(kPlansFile, encode_plans(planner_.plans()))));
        dirty_ = false;
        return ok();
    }
    if (unwritten_.empty() && !contact_matters) return ok();
    if (log_bytes_ == 0) return write_log(now);
    std::string records;
    for (const FiredMark& mark : unwritten_) append_mark(records, mark);
    if (contact_matters) append_contact(records, *contact_us_);
    EDGE_TRY(append(records));
    unwritten_.clear();
    if (!contact_matters) return ok();
    contact_due_ = false;
    contact_written_ = now.steady;
    return ok();
}

Result<> Plans::append(const std::string& records) {
    if (auto written = disk_.append(kTicksFile, records); !written) {
        EDGE_TRY(disk_.truncate(kTicksFile, log_bytes_));
        return later_if_full(written);
    }
    EDGE_TRY(disk_.sync(kTicksFile));
    log_bytes_ += records.size();
    return ok();
}

Result<> Plans::write_log(Moment now) {
    std::string log = ticks_header();
    for (const FiredMark& mark : planner_.memory(now.wall_us)) append_mark(log, mark);
    if (contact_us_) append_contact(log, *contact_us_);
    EDGE_TRY(later_if_full(disk_.replace(kTicksFile, log)));
    log_bytes_ = log.size();
    unwritten_.clear();
    contact_due_ = false;
    contact_written_ = now.steady;
    return ok();
}

}  // namespace edge::agent
