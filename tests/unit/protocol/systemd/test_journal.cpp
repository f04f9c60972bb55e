#include <fcntl.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <sys/stat.h>

#include <sstream>

#include "protocol/systemd/journal_entry.hpp"
#include "protocol/systemd/journal_sink.hpp"
#include "receiver.hpp"

using namespace edge::systemd;
using edge::systemd::test::Receiver;

namespace {

/// `event key=value|key=value`, or nothing where a line has no event.
std::string shown(std::string_view line) {
    const LogFields found = fields_of(line);
    std::string text(found.event);
    for (const auto& [key, value] : found.fields) text += "|" + std::string(key) + "=" + std::string(value);
    return text;
}

}  // namespace

TEST_CASE("a log line's event and fields are found, and a sentence has none") {
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"gateway.session_live node=node_x session=ses_y peer=192.0.2.1",
         "gateway.session_live|node=node_x|session=ses_y|peer=192.0.2.1"},
        {"line_down line=telecom device=eth0 why=\"no route; ask root\" n=2",
         "line_down|line=telecom|device=eth0|why=no route; ask root|n=2"},
        {"store.recovered", "store.recovered"},
        {"draining tasks=3 within_ms=10000", "draining|tasks=3|within_ms=10000"},
        {"task_lost_by_restart task= attempt=1", "task_lost_by_restart|task=|attempt=1"},
        {"the store takes no writes", ""},
        {"Upper case=1", ""},
        {"", ""},
        {"x why=\"never ends", "x|why=never ends"},
        {"x why=\"a\"b\" c=1", "x|why=a\"b|c=1"},                    // a quote within ends nothing
        {"x node=real why=\"z\" node=forged", "x|node=real|why=z"},  // the first counts
        {"x a=1 and so on b=2", "x|a=1"},
        {"x Key=1", ""},
        {"x a=1  b=2", "x|a=1"},
        {"x event=forged a=1", "x|a=1"},
    };
    for (const auto& [line, wanted] : cases) {
        CAPTURE(line);
        CHECK(shown(line) == wanted);
    }
    std::string many = "x";
    for (int i = 0; i < 100; ++i) many += " k" + std::to_string(i) + "=v";
    CHECK(fields_of(many).fields.size() == 32);
    CHECK(shown("x " + std::string(49, 'k') + "=1 a=1") == "");
}

TEST_CASE("an entry has the journal's fields, and a value of two lines its length before it") {
    CHECK(journal_entry("edge-agent", 4, "line_down line=telecom run=run_1 job=job_2 task=task_3 node=n why=\"a b\"") ==
          "PRIORITY=4\nSYSLOG_IDENTIFIER=edge-agent\nEDGE_EVENT=line_down\nEDGE_LINE=telecom\nEDGE_RUN=run_1\n"
          "EDGE_JOB=job_2\nEDGE_TASK=task_3\nEDGE_NODE=n\nEDGE_WHY=a b\n"
          "MESSAGE=line_down line=telecom run=run_1 job=job_2 task=task_3 node=n why=\"a b\"\n");
    const std::string length("\x0b\0\0\0\0\0\0\0", 8);
    CHECK(journal_entry("p", 6, "a\nPRIORITY=") ==
          "PRIORITY=6\nSYSLOG_IDENTIFIER=p\nMESSAGE\n" + length + "a\nPRIORITY=\n");
}

TEST_CASE("the journal is known by its device and inode") {
    struct stat status {};
    REQUIRE(::fstat(0, &status) == 0);
    const std::string mine = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
    CHECK(is_journal(0, mine.c_str()));
    CHECK(!is_journal(0, (mine + "1").c_str()));
    CHECK(!is_journal(0, "1:2"));
    CHECK(!is_journal(0, ""));
    CHECK(!is_journal(0, nullptr));
    CHECK(!is_journal(-1, mine.c_str()));
}

TEST_CASE("a line goes to the journal with its priority, a long one as a sealed file, and none is lost without it") {
    std::ostringstream otherwise;
    const auto fallback = std::make_shared<spdlog::sinks::ostream_sink_mt>(otherwise);
    {
        Receiver journal;
        spdlog::logger log("edge-broker", std::make_shared<JournalSink>("edge-broker", fallback, journal.name()));
        log.set_level(spdlog::level::trace);
        const std::pair<spdlog::level::level_enum, const char*> levels[] = {
            {spdlog::level::critical, "2"}, {spdlog::level::err, "3"},   {spdlog::level::warn, "4"},
            {spdlog::level::info, "6"},     {spdlog::level::debug, "7"}, {spdlog::level::trace, "7"}};
        for (const auto& [level, priority] : levels) {
            log.log(level, "began run={}", "run_1");
            CHECK(journal.text() == std::string("PRIORITY=") + priority +
                                        "\nSYSLOG_IDENTIFIER=edge-broker\nEDGE_EVENT=began\nEDGE_RUN=run_1\n"
                                        "MESSAGE=began run=run_1\n");
        }
        const std::string large(3 << 20, 'x');
        log.info("large text=\"{}\"", large);
        const auto passed = journal.next();
        REQUIRE(passed);
        CHECK(passed->text.empty());
        const int file = passed->file.get();
        REQUIRE(file >= 0);
        const int seals = ::fcntl(file, F_GET_SEALS);
        CHECK(seals == (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE));
        std::string entry(static_cast<std::size_t>(::lseek(file, 0, SEEK_END)), '\0');
        CHECK(::pread(file, entry.data(), entry.size(), 0) == static_cast<ssize_t>(entry.size()));
        CHECK(entry == journal_entry("edge-broker", 6, "large text=\"" + large + "\""));
    }
    CHECK(otherwise.str().empty());
    spdlog::logger log("edge-broker", std::make_shared<JournalSink>("edge-broker", fallback, "/nonexistent/journal"));
    log.info("began run={}", "run_2");
    CHECK(otherwise.str().find("began run=run_2") != std::string::npos);
}
