#include "probes/payload/payload.hpp"

#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "probes/failures.hpp"
#include "probes/payload/attempt.hpp"
#include "probes/worker/landlock.hpp"
#include "probes/worker/seccomp_filter.hpp"

namespace edge::probes {
namespace {

constexpr std::size_t kMostFacts = 4096;

std::string line_of(int fd) {
    std::string line;
    for (char c = 0; line.size() < kMostFacts && read(fd, &c, 1) == 1 && c != '\n';) line.push_back(c);
    return line;
}

void tell(int fd, const std::string& line) {
    const std::string text = line + "\n";
    (void)!send(fd, text.data(), text.size(), MSG_NOSIGNAL);
}

}  // namespace

Facts Facts::parse(std::string_view line) {
    Facts facts;
    while (!line.empty()) {
        const auto end = std::min(line.find(' '), line.size());
        const auto word = line.substr(0, end);
        line.remove_prefix(std::min(end + 1, line.size()));
        if (const auto equals = word.find('='); equals != std::string_view::npos)
            facts.values_.emplace(word.substr(0, equals), word.substr(equals + 1));
    }
    return facts;
}

std::string Facts::text(const std::string& key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? std::string() : found->second;
}

int Facts::number(const std::string& key) const {
    return std::atoi(text(key).c_str());
}

std::vector<std::string> Facts::list(const std::string& key) const {
    std::vector<std::string> all;
    const std::string values = text(key);
    for (std::size_t at = 0; at < values.size();) {
        const auto end = std::min(values.find(',', at), values.size());
        all.push_back(values.substr(at, end - at));
        at = end + 1;
    }
    return all;
}

AttemptOutcome stopped(int error) {
    return {false, errno_name(error)};
}

AttemptOutcome tried(long result, std::string_view what) {
    return result < 0 ? stopped(errno) : got(std::string(what));
}

AttemptOutcome any_of(std::initializer_list<AttemptOutcome> all) {
    std::string through;
    for (const auto& one : all)
        if (one.got_through) through += (through.empty() ? "" : ", ") + one.how;
    return through.empty() ? *(all.end() - 1) : got(through);
}

std::optional<Attempt> find_attempt(std::string_view name) {
    for (const auto attempts :
         {line_attempts(), target_attempts(), file_attempts(), kernel_attempts(), host_attempts()})
        for (const auto& attempt : attempts)
            if (attempt.name == name) return attempt;
    return std::nullopt;
}

int run_payload(const std::vector<std::string>& arguments) {
    if (arguments.size() < 2) return EX_USAGE;
    const auto attempt = find_attempt(arguments[0]);
    const int fd = std::atoi(arguments[1].c_str());
    const bool sealed = arguments.size() > 2 && arguments[2] == "--sealed";
    if (!attempt || fd < 3) return EX_USAGE;
    std::signal(SIGPIPE, SIG_IGN);
    const Facts facts = Facts::parse(line_of(fd));
    if (sealed) {
        give_up_files();
        if (auto put_on = seal_system_calls(); !put_on) {
            tell(fd, "broken " + put_on.error().message());
            return EX_OSERR;
        }
    }
    tell(fd, "trying");
    const AttemptOutcome outcome = attempt->run(facts);
    tell(fd, (outcome.got_through ? "through " : "stopped ") + outcome.how);
    for (char c = 0; read(fd, &c, 1) == 1;) {
    }
    _exit(EX_OK);
}

}  // namespace edge::probes
