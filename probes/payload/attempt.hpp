// One escape attempt: what it is told, how it went, and the lists of all of them.
#pragma once
#include <cerrno>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace edge::probes {

/// What whoever asked knows of the machine, as `key=value` words: names and addresses that a sandbox could not guess.
/// Lists have commas. A value that was not told is empty.
class Facts {
  public:
    static Facts parse(std::string_view line);
    std::string text(const std::string& key) const;
    int number(const std::string& key) const;
    std::vector<std::string> list(const std::string& key) const;

  private:
    std::map<std::string, std::string, std::less<>> values_;
};

struct AttemptOutcome {
    bool got_through = false;
    std::string how;  // an errno's name where it was stopped, or what it got
};

inline AttemptOutcome got(std::string what) {
    return {true, std::move(what)};
}
/// By errno.
AttemptOutcome stopped(int error);
/// Of a system call: stopped by errno where it is negative.
AttemptOutcome tried(long result, std::string_view what);
/// All that got through, or how the last was stopped.
AttemptOutcome any_of(std::initializer_list<AttemptOutcome> all);
/// Not tried: it was not told enough, or the kernel has no such thing.
inline AttemptOutcome not_tried(std::string why) {
    return {false, "skipped " + std::move(why)};
}

struct Attempt {
    std::string_view name;
    AttemptOutcome (*run)(const Facts& facts);
};

/// To leave by another line, and to reach what is forbidden.
std::span<const Attempt> line_attempts();
std::span<const Attempt> target_attempts();
std::span<const Attempt> file_attempts();
std::span<const Attempt> kernel_attempts();
/// What these took is kept until the process is killed.
std::span<const Attempt> host_attempts();

std::optional<Attempt> find_attempt(std::string_view name);

}  // namespace edge::probes
