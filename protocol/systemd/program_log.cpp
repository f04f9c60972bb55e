#include "protocol/systemd/program_log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "protocol/systemd/journal_sink.hpp"

namespace edge::systemd {

std::shared_ptr<spdlog::logger> open_program_log(const std::string& program, const std::string& level) {
    spdlog::sink_ptr sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    sink->set_formatter(
        std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc));
    if (is_journal(STDERR_FILENO, std::getenv("JOURNAL_STREAM")))
        sink = std::make_shared<JournalSink>(program, std::move(sink));
    auto log = std::make_shared<spdlog::logger>(program, std::move(sink));
    log->set_level(spdlog::level::from_str(level));
    log->flush_on(spdlog::level::debug);
    spdlog::set_default_logger(log);
    return log;
}

}  // namespace edge::systemd
