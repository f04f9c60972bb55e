#include "probes/worker/admission.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace edge;
using namespace edge::probes;

namespace {

HttpSpec http(std::uint32_t keep_body_bytes = 0) {
    HttpSpec spec;
    spec.target = "https://www.lab.test/";
    spec.keep_body_bytes = keep_body_bytes;
    return spec;
}

std::vector<std::uint64_t> all_that_begin(Admission& admission, std::size_t unsent = 0) {
    std::vector<std::uint64_t> begun;
    while (const auto task = admission.next(unsent)) begun.push_back(*task);
    return begun;
}

}  // namespace

TEST_CASE("as many HTTP tasks begin as their share has room for, the rest in their order as others end") {
    HttpSpec plain = http();
    plain.target = "http://www.lab.test/";
    CHECK(most_bytes(plain) < most_bytes(http()));
    plain.redirects = 1;  // which may lead to TLS
    CHECK(most_bytes(plain) == most_bytes(http()));
    for (const std::uint32_t keep : {0u, 65'536u}) {
        Admission admission;
        const std::size_t room = Admission::kHttp / most_bytes(http(keep));
        CHECK(room > 40);
        for (std::uint64_t task = 0; task < 256; ++task) admission.wait(task, http(keep));
        CHECK(all_that_begin(admission).size() == room);
        CHECK(admission.running() == room);
        for (std::uint64_t task = 0; task < 256 - room; ++task) {
            admission.leave(task);
            CHECK(all_that_begin(admission) == std::vector{room + task});
        }
    }
}

TEST_CASE("pings and DNS queries begin while HTTP waits, and are bounded themselves") {
    Admission admission;
    for (std::uint64_t task = 0; task < 256; ++task) admission.wait(task, http());
    all_that_begin(admission);
    admission.wait(1000, PingSpec());
    admission.wait(1001, DnsSpec());
    CHECK(all_that_begin(admission) == std::vector<std::uint64_t>{1000, 1001});
    for (std::uint64_t task = 2000; task < 3000; ++task) admission.wait(task, DnsSpec());
    const std::size_t more = all_that_begin(admission).size();
    CHECK(more > 32);
    CHECK(more * most_bytes(DnsSpec()) <= Admission::kAll - Admission::kHttp + most_bytes(http()));
}

TEST_CASE("reports that the agent has not taken are room that is taken") {
    Admission admission;
    admission.wait(1, PingSpec());
    admission.wait(2, http());
    CHECK_FALSE(admission.next(Admission::kAll));
    CHECK(all_that_begin(admission, Admission::kHttp) == std::vector<std::uint64_t>{1});
    CHECK(all_that_begin(admission, Admission::kHttp - most_bytes(http())) == std::vector<std::uint64_t>{2});
}

TEST_CASE("one that leaves while it waits is not begun and gives back nothing") {
    Admission admission;
    const std::size_t room = Admission::kHttp / most_bytes(http());
    for (std::uint64_t task = 0; task < room + 2; ++task) admission.wait(task, http());
    CHECK(all_that_begin(admission).size() == room);
    admission.leave(room);
    CHECK(all_that_begin(admission).empty());
    admission.leave(12345);  // unknown
    admission.leave(0);
    CHECK(all_that_begin(admission) == std::vector{room + 1});
    for (std::uint64_t task = 1; task < room + 2; ++task) admission.leave(task);
    CHECK(admission.running() == 0);
    for (std::uint64_t task = 0; task < room + 2; ++task) admission.wait(task, http());  // the same numbers again
    CHECK(all_that_begin(admission).size() == room);
}

TEST_CASE("the largest task of each kind has room when it is alone, whatever HTTP does") {
    PingSpec ping;
    ping.count = 1000;
    HttpSpec largest = http(65'536);
    largest.body = std::string(16 * 1024, 'b');
    CHECK(most_bytes(largest) < Admission::kHttp / 32);
    CHECK(most_bytes(ping) < (Admission::kAll - Admission::kHttp) / 16);
    CHECK(most_bytes(DnsSpec()) < (Admission::kAll - Admission::kHttp) / 16);
}
