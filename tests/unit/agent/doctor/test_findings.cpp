#include <doctest/doctest.h>

#include "agent/doctor/findings.hpp"

using namespace edge::agent;

TEST_CASE("a finding that is not well says what to run, and one that failed fails the whole") {
    Diagnosis diagnosis;
    diagnosis.level = "bpf-guard";
    diagnosis.add(FindingLevel::ok, "kernel", "Linux 6.1");
    CHECK_FALSE(diagnosis.failed());
    diagnosis.add(FindingLevel::info, "line telecom", "policy denies its gateway", "allow = [\"192.0.2.1\"]");
    CHECK_FALSE(diagnosis.failed());
    diagnosis.add(FindingLevel::warn, "clock", "nothing keeps it right", "timedatectl set-ntp true");
    CHECK_FALSE(diagnosis.failed());
    CHECK(as_text(diagnosis) ==
          "ok    kernel: Linux 6.1\n"
          "info  line telecom: policy denies its gateway\n"
          "      run: allow = [\"192.0.2.1\"]\n"
          "warn  clock: nothing keeps it right\n"
          "      run: timedatectl set-ntp true\n"
          "level bpf-guard; 1 ok, 1 warning, 0 failed\n");
    diagnosis.add(FindingLevel::warn, "landlock", "not there");
    CHECK(as_text(diagnosis).ends_with("level bpf-guard; 1 ok, 2 warnings, 0 failed\n"));
    diagnosis.add(FindingLevel::fail, "ping", "no \xff", "");
    CHECK(diagnosis.failed());
    const auto json = as_json(diagnosis);
    CHECK(json.find("\"ok\": false") != std::string::npos);
    CHECK(json.find("\"fix\": \"timedatectl set-ntp true\"") != std::string::npos);
    CHECK(json.find('\xff') == std::string::npos);  // a program reads it
}
