#include <doctest/doctest.h>

#include <chrono>
#include <set>

#include "protocol/schedule/plan_ids.hpp"

using namespace edge;

namespace {

using namespace std::chrono;

constexpr std::uint64_t kSecond = 1'000'000;

/// `2026-03-29 01:59:30`, UTC.
std::uint64_t at(const std::string& text) {
    const auto n = [&](std::size_t from, std::size_t count) { return std::stoi(text.substr(from, count)); };
    const sys_days day = year(n(0, 4)) / n(5, 2) / n(8, 2);
    const auto second = day.time_since_epoch() + hours(n(11, 2)) + minutes(n(14, 2)) + seconds(n(17, 2));
    return static_cast<std::uint64_t>(duration_cast<microseconds>(second).count());
}

std::string text_of(std::uint64_t us) {
    const sys_time<seconds> second{seconds(us / kSecond)};
    const auto day = floor<days>(second);
    const year_month_day date(day);
    const hh_mm_ss time(second - day);
    char buffer[64];
    std::snprintf(buffer, sizeof buffer, "%04d-%02u-%02u %02d:%02d:%02d", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                  static_cast<int>(time.seconds().count()));
    return buffer;
}

ZoneOffset from(const std::string& when, int offset_s) {
    return {static_cast<std::int64_t>(at(when) / kSecond), offset_s};
}
const std::vector<ZoneOffset> kBerlin{from("2025-10-26 01:00:00", 3'600), from("2026-03-29 01:00:00", 7'200),
                                      from("2026-10-25 01:00:00", 3'600)};
const std::vector<ZoneOffset> kShanghai{{0, 28'800}};

Schedule cron(const char* text, std::vector<ZoneOffset> offsets = {}) {
    Schedule schedule;
    schedule.cron = text;
    schedule.offsets = std::move(offsets);
    return schedule;
}
Schedule every(std::uint64_t ms, std::uint64_t phase_ms = 0) {
    Schedule schedule;
    schedule.every_ms = ms;
    schedule.phase_ms = phase_ms;
    return schedule;
}

std::vector<std::string> after(const Schedule& schedule, const std::string& when, std::size_t count) {
    const Ticks ticks = Ticks::of(schedule).value();
    std::vector<std::string> found;
    for (auto tick = ticks.next(at(when)); tick && found.size() < count; tick = ticks.next(*tick))
        found.push_back(text_of(*tick));
    return found;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("cron: five fields with lists, ranges, steps and names") {
    struct Case {
        const char* cron;
        const char* after;
        Texts ticks;
    };
    const std::vector<Case> cases{
        {"* * * * *", "2026-01-01 00:00:00", {"2026-01-01 00:01:00", "2026-01-01 00:02:00"}},
        {"* * * * *", "2026-01-01 00:00:01", {"2026-01-01 00:01:00"}},
        {"*/5 * * * *", "2026-01-01 00:56:00", {"2026-01-01 01:00:00", "2026-01-01 01:05:00"}},
        {"2-58/7 3 * * *", "2026-01-01 00:00:00", {"2026-01-01 03:02:00", "2026-01-01 03:09:00"}},
        {"0,30 8-9 * * *",
         "2026-01-01 08:00:00",
         {"2026-01-01 08:30:00", "2026-01-01 09:00:00", "2026-01-01 09:30:00", "2026-01-02 08:00:00"}},
        {"0 0 1 * *", "2026-01-01 00:00:00", {"2026-02-01 00:00:00", "2026-03-01 00:00:00"}},
        {"0 0 31 * *", "2026-01-31 00:00:00", {"2026-03-31 00:00:00", "2026-05-31 00:00:00"}},
        {"0 0 29 2 *", "2026-01-01 00:00:00", {"2028-02-29 00:00:00", "2032-02-29 00:00:00"}},
        {"0 0 29 feb *", "2096-03-01 00:00:00", {"2104-02-29 00:00:00"}},  // 2100 is no leap year
        {"15 10 * * mon-fri", "2026-01-02 10:15:00", {"2026-01-05 10:15:00"}},
        {"0 12 * * 0", "2026-01-01 00:00:00", {"2026-01-04 12:00:00"}},
        {"0 12 * * 7", "2026-01-01 00:00:00", {"2026-01-04 12:00:00"}},
        {"0 12 * Jan,JUL sun", "2026-01-25 12:00:00", {"2026-07-05 12:00:00"}},
        // either day, where neither is a star
        {"0 0 13 * fri", "2026-01-31 00:00:00", {"2026-02-06 00:00:00", "2026-02-13 00:00:00", "2026-02-20 00:00:00"}},
        // both, where one begins with a star
        {"0 0 */2 * fri", "2026-01-31 00:00:00", {"2026-02-13 00:00:00", "2026-02-27 00:00:00"}},
        {"59 23 31 12 *", "2026-12-31 23:58:59", {"2026-12-31 23:59:00", "2027-12-31 23:59:00"}},
        {"  0   4  *  *  * ", "2026-01-01 00:00:00", {"2026-01-01 04:00:00"}},
    };
    for (const Case& one : cases) {
        CAPTURE(one.cron);
        CHECK(after(cron(one.cron), one.after, one.ticks.size()) == one.ticks);
    }
}

TEST_CASE("cron: what cannot be is told by its field") {
    const std::vector<std::pair<const char*, const char*>> cases{
        {"", "five fields"},
        {"* * * *", "five fields"},
        {"* * * * * *", "five fields"},
        {"60 * * * *", "\"60\" is no minute; expected 0 to 59"},
        {"* 24 * * *", "is no hour"},
        {"* * 0 * *", "is no day of month"},
        {"* * * 13 *", "is no month"},
        {"* * * foo *", "expected 1 to 12, jan and so on"},
        {"* * * * 8", "is no day of week"},
        {"5-1 * * * *", "is no minute"},
        {"*/0 * * * *", "is no minute"},
        {"*/60 * * * *", "is no minute"},
        {"5/10 * * * *", "is no minute"},
        {"1,, * * * *", "is no minute"},
        {"1, * * * *", "is no minute"},
        {"-1 * * * *", "is no minute"},
        {"1-2-3 * * * *", "is no minute"},
        {"*/5/5 * * * *", "is no minute"},
        {"0x1 * * * *", "is no minute"},
        {"0 0 30 2 *", "never due"},
    };
    for (const auto& [text, why] : cases) {
        CAPTURE(text);
        const auto ticks = Ticks::of(cron(text));
        REQUIRE_FALSE(ticks);
        CHECK(ticks.error().where == "/cron");
        CHECK(ticks.error().detail.find(why) != std::string::npos);
    }
}

TEST_CASE("cron in a zone: a local time that is left out is due at the change, one that comes twice the first time") {
    struct Case {
        const char* what;
        Schedule schedule;
        const char* after;
        Texts ticks;
    };
    const std::vector<Case> cases{
        {"Shanghai", cron("0 8 * * *", kShanghai), "2026-01-01 00:00:00", {"2026-01-02 00:00:00"}},
        {"a day in winter and one in summer",
         cron("30 2 * * *", kBerlin),
         "2026-03-27 12:00:00",
         // 29 March has no 02:30: the clock goes from 02:00 to 03:00 at 01:00 UTC
         {"2026-03-28 01:30:00", "2026-03-29 01:00:00", "2026-03-30 00:30:00"}},
        {"several that are left out are due once",
         cron("0,15,30 2 * * *", kBerlin),
         "2026-03-28 02:00:00",
         {"2026-03-29 01:00:00", "2026-03-30 00:00:00"}},
        {"left out, and the moment after it",
         cron("30 2,3 * * *", kBerlin),
         "2026-03-28 12:00:00",
         {"2026-03-29 01:00:00", "2026-03-29 01:30:00"}},
        {"left out, and the moment of the change itself",
         cron("0 2,3 * * *", kBerlin),
         "2026-03-28 12:00:00",
         {"2026-03-29 01:00:00", "2026-03-30 00:00:00"}},
        {"25 October has two 02:30",
         cron("30 2 * * *", kBerlin),
         "2026-10-24 12:00:00",
         {"2026-10-25 00:30:00", "2026-10-26 01:30:00"}},
        {"also from within the first", cron("30 2 * * *", kBerlin), "2026-10-25 00:30:00", {"2026-10-26 01:30:00"}},
        {"also from between them", cron("30 2 * * *", kBerlin), "2026-10-25 01:10:00", {"2026-10-26 01:30:00"}},
        {"every hour is every hour, in both of one name",
         cron("0 * * * *", kBerlin),
         "2026-10-24 23:00:00",
         {"2026-10-25 00:00:00", "2026-10-25 01:00:00", "2026-10-25 02:00:00"}},
        {"and in the one that is left out there is none",
         cron("*/30 * * * *", kBerlin),
         "2026-03-29 00:29:00",
         {"2026-03-29 00:30:00", "2026-03-29 01:00:00", "2026-03-29 01:30:00"}},
    };
    for (const Case& one : cases) {
        CAPTURE(one.what);
        CHECK(after(one.schedule, one.after, one.ticks.size()) == one.ticks);
    }
}

TEST_CASE("an interval is counted from its phase, whatever the moment it is asked from") {
    CHECK(after(every(60'000), "2026-01-01 00:00:00", 2) == Texts{"2026-01-01 00:01:00", "2026-01-01 00:02:00"});
    CHECK(after(every(60'000, 7'000), "2026-01-01 00:00:00", 2) == Texts{"2026-01-01 00:00:07", "2026-01-01 00:01:07"});
    const Ticks ticks = Ticks::of(every(1'000, 250)).value();
    CHECK(ticks.next(0) == 250'000);
    CHECK(ticks.next(249'999) == 250'000);
    CHECK(ticks.next(250'000) == 1'250'000);
    CHECK(ticks.contains(1'250'000));
    CHECK_FALSE(ticks.contains(1'250'001));
    CHECK_FALSE(ticks.contains(0));
}

TEST_CASE("start, stop and window bound the ticks") {
    Schedule schedule = every(3'600'000);
    schedule.start_us = at("2026-01-01 10:30:00");
    schedule.stop_us = at("2026-01-01 13:00:00");
    CHECK(after(schedule, "2025-01-01 00:00:00", 9) == Texts{"2026-01-01 11:00:00", "2026-01-01 12:00:00"});

    schedule = every(3'600'000);
    schedule.window = DailyWindow{8 * 60, 10 * 60};
    CHECK(after(schedule, "2026-01-01 08:30:00", 4) ==
          Texts{"2026-01-01 09:00:00", "2026-01-02 08:00:00", "2026-01-02 09:00:00", "2026-01-03 08:00:00"});
    schedule.offsets = kShanghai;
    CHECK(after(schedule, "2026-01-01 02:30:00", 2) == Texts{"2026-01-02 00:00:00", "2026-01-02 01:00:00"});

    schedule = cron("0 * * * *");
    schedule.window = DailyWindow{23 * 60, 1 * 60};  // over midnight
    CHECK(after(schedule, "2026-01-01 01:00:00", 3) ==
          Texts{"2026-01-01 23:00:00", "2026-01-02 00:00:00", "2026-01-02 23:00:00"});

    schedule = every(1'800'000);
    schedule.offsets = kBerlin;
    schedule.window = DailyWindow{2 * 60, 4 * 60};  // on 29 March this is only 03:00 to 04:00
    CHECK(after(schedule, "2026-03-28 12:00:00", 3) ==
          Texts{"2026-03-29 01:00:00", "2026-03-29 01:30:00", "2026-03-30 00:00:00"});
    CHECK(after(schedule, "2026-10-24 12:00:00", 7) ==  // and on 25 October three hours
          Texts{"2026-10-25 00:00:00", "2026-10-25 00:30:00", "2026-10-25 01:00:00", "2026-10-25 01:30:00",
                "2026-10-25 02:00:00", "2026-10-25 02:30:00", "2026-10-26 01:00:00"});
}

TEST_CASE("the last tick of a stretch of time is the one that the next ones lead to") {
    const std::vector<Schedule> schedules{every(1'000, 300), every(420'000, 11), cron("*/7 * * * *"),
                                          cron("30 2 * * *", kBerlin), cron("0 0 1 * *", kShanghai)};
    for (const Schedule& schedule : schedules) {
        const Ticks ticks = Ticks::of(schedule).value();
        const std::uint64_t begin = at("2026-03-28 20:00:00");
        for (const std::uint64_t length : {1ULL, 999'999ULL, 1'000'000ULL, 61'000'000ULL, 3'600'000'000ULL,
                                           90'000'000'000ULL, 3'000'000'000'000ULL}) {
            if (schedule.every_ms == 1'000 && length > 3'600'000'000) continue;
            std::optional<std::uint64_t> last;
            for (auto tick = ticks.next(begin); tick && *tick <= begin + length; tick = ticks.next(*tick)) last = tick;
            CHECK(ticks.last(begin, begin + length) == last);
        }
        CHECK_FALSE(ticks.last(begin, begin));
        CHECK_FALSE(ticks.last(begin, begin - 1));
    }
}

TEST_CASE("a schedule that cannot be is told with where it is wrong") {
    const auto where = [](Schedule schedule) {
        const auto ticks = Ticks::of(schedule);
        return ticks ? std::string("taken") : ticks.error().where;
    };
    Schedule both = every(60'000);
    both.cron = "* * * * *";
    CHECK(where(both).empty());
    CHECK(where(Schedule{}).empty());
    CHECK(where(every(999)) == "/every_ms");
    CHECK(where(every(31ULL * 86'400'000 + 1)) == "/every_ms");
    CHECK(where(every(1'000, 1'000)) == "/phase_ms");
    Schedule schedule = every(60'000);
    schedule.jitter_ms = 60'000;
    CHECK(where(schedule) == "/jitter_ms");
    schedule = every(60'000);
    schedule.start_us = 100;
    schedule.stop_us = 100;
    CHECK(where(schedule) == "/stop_us");
    schedule.stop_us = 200;
    CHECK(where(schedule) == "/window");  // never due: none in so short a time
    schedule = every(60'000);
    schedule.window = DailyWindow{60, 60};
    CHECK(where(schedule) == "/window");
    schedule.window = DailyWindow{1'440, 60};
    CHECK(where(schedule) == "/window");
    schedule = cron("0 3 * * *");
    schedule.window = DailyWindow{8 * 60, 20 * 60};
    CHECK(where(schedule) == "/cron");
    schedule = cron("0 3 * * *", {{100, 0}, {100, 3'600}});
    CHECK(where(schedule) == "/offsets");
    schedule.offsets = {{0, 100'000}};
    CHECK(where(schedule) == "/offsets");
}

TEST_CASE("names of runs and tasks are the same wherever they are reckoned") {
    const auto job = JobId::parse("job_01kdvdna00e008000000000002").value();
    const auto node = NodeId::parse("node_01kdvdna00e008000000000009").value();
    const auto line = LineName::parse("telecom").value();
    const RunId run = planned_run(job, 1, at("2026-01-01 00:01:00"));
    // Changing these is changing the protocol.
    CHECK(run.text() == "run_5pby7c5zfvh2d9r74s35pmkgmr");
    CHECK(planned_task(run, node, line, 0).text() == "task_57zpy9qfa2g0naaxj05ar4xy5m");
    CHECK(phase_ms_of(job, 60'000) == 54'317);
    CHECK(jitter_us_of(job, node, line, 5'000) == 2'919'557);
    std::set<TaskId> tasks;
    for (std::uint32_t repetition = 0; repetition < 3; ++repetition) {
        for (const char* name : {"telecom", "unicom", "mobile"})
            tasks.insert(planned_task(run, node, LineName::parse(name).value(), repetition));
    }
    CHECK(tasks.size() == 9);
    CHECK(planned_run(job, 2, at("2026-01-01 00:01:00")) != run);
    CHECK(planned_run(job, 1, at("2026-01-01 00:02:00")) != run);
    CHECK((run.bytes[6] & 0xf0) == 0x80);
    CHECK(jitter_us_of(job, node, line, 0) == 0);
}

TEST_CASE("ten thousand intervals of a minute are spread over it") {
    std::vector<unsigned> seconds(60, 0);
    for (std::uint32_t i = 0; i < 10'000; ++i) {
        JobId job;
        job.bytes[0] = static_cast<std::uint8_t>(i);
        job.bytes[1] = static_cast<std::uint8_t>(i >> 8);
        ++seconds[phase_ms_of(job, 60'000) / 1'000];
    }
    CHECK(*std::ranges::max_element(seconds) <= 2 * 10'000 / 60);
}
