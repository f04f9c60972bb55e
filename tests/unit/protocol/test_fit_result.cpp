#include "protocol/link/fit_result.hpp"

#include <doctest/doctest.h>

using namespace edge;
using namespace edge::link;

namespace {

TaskResult result() {
    TaskResult one;
    one.line = LineName::parse("telecom").value();
    one.target = "www.lab.test";
    one.status = Status::failed;
    one.failure = Failure{Source::target, "read", "denied", "no"};
    one.resolved = {"192.0.2.1", "2001:db8::1"};
    return one;
}

/// As the spool sends it, numbered.
std::string written(TaskResult one, const std::string& detail) {
    one.n = (std::uint64_t{1} << 53) - 1;
    return encode_envelope(one, detail);
}

std::string detail_of(std::size_t bytes) {
    return '"' + std::string(bytes - 2, 'd') + '"';
}

}  // namespace

TEST_CASE("a result that fits is left as it is, and one byte more costs it its detail only") {
    TaskResult one = result();
    one.detail_bytes = 10'000;
    const std::string whole = detail_of(10'000);
    const std::size_t enough = written(one, whole).size();
    std::string detail = whole;
    fit_result(one, detail, enough);
    CHECK(detail.size() == whole.size());
    CHECK_FALSE(one.truncated);
    fit_result(one, detail, enough - 1);
    CHECK(detail.empty());
    CHECK(one.detail_bytes == 0);
    CHECK(one.truncated);
    CHECK(one.resolved.size() == 2);
    CHECK(one.failure->text == "no");
}

TEST_CASE("whatever is in a result, it fits the least message that a session may take") {
    for (const std::size_t most : {kLeastMessage, std::size_t{10'000}, std::size_t{64 * 1024}, kMaxMessage}) {
        for (const std::string& text :
             {std::string(700, '\x01'), std::string(50'000, '\x01'), std::string(300'000, '\xff')}) {
            CAPTURE(most);
            CAPTURE(text.size());
            TaskResult one = result();
            one.target = one.failure->text = one.failure->code = one.failure->phase = text;
            one.summary.code = one.evidence.mismatch_reason = one.evidence.src_addr = one.evidence.dst_addr = text;
            one.evidence.route_get = RouteGet{std::string(15, 'w'), std::string(45, '1'), std::string(45, '1'),
                                              4'294'967'295, "ENETUNREACH"};
            one.resolved.assign(1000, text.substr(0, 64));
            one.detail_bytes = static_cast<std::uint32_t>(most);
            std::string detail = detail_of(most);
            fit_result(one, detail, most);
            CHECK(written(one, detail).size() <= most);
            CHECK(one.truncated);
            CHECK_FALSE(one.failure->text.empty());
        }
    }
}

TEST_CASE("a written result is read, cut and written again, and what is none is refused") {
    TaskResult one = result();
    one.n = 7;
    one.detail_bytes = 300'000;
    const std::string long_one = encode_envelope(one, detail_of(300'000));
    const auto cut = fit_result(long_one, kMaxMessage);
    REQUIRE(cut);
    const auto received = decode_message(cut.value());
    REQUIRE(received);
    const auto& back = std::get<TaskResult>(received.value().at(0).envelope);
    CHECK(back.n == 7);
    CHECK(back.truncated);
    CHECK(back.resolved == one.resolved);
    for (const std::string none :
         {"", "{}", "[]", "{\"t\":\"res\"}", "{\"t\":1}", "{\"t\":\"hb\",\"at_us\":1}", "x\ny"})
        CHECK_FALSE(fit_result(none, kMaxMessage));
}
