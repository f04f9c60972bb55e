#include <doctest/doctest.h>

#include <chrono>

#include "broker/zones/tz_rule.hpp"
#include "broker/zones/tzif.hpp"
#include "broker/zones/zones.hpp"

using namespace edge;
using namespace edge::broker;

namespace {

std::int64_t at(int year, unsigned month, unsigned day, int hour = 0) {
    using namespace std::chrono;
    const sys_days date = std::chrono::year(year) / month / day;
    return duration_cast<seconds>(date.time_since_epoch() + hours(hour)).count();
}

std::vector<ZoneOffset> in(const std::string& rule, int year) {
    return TzRule::parse(rule).value().changes(at(year, 1, 1), at(year + 1, 1, 1));
}

using Offsets = std::vector<ZoneOffset>;

}  // namespace

TEST_CASE("a zone's rule says when its clock changes") {
    CHECK(in("CET-1CEST,M3.5.0,M10.5.0/3", 2026) == Offsets{{at(2026, 3, 29, 1), 7'200}, {at(2026, 10, 25, 1), 3'600}});
    CHECK(in("EST5EDT,M3.2.0,M11.1.0", 2026) == Offsets{{at(2026, 3, 8, 7), -14'400}, {at(2026, 11, 1, 6), -18'000}});
    // the southern half begins its summer in October
    CHECK(in("AEST-10AEDT,M10.1.0,M4.1.0/3", 2026) ==
          Offsets{{at(2026, 4, 4, 16), 36'000}, {at(2026, 10, 3, 16), 39'600}});
    // half an hour, and a time before midnight
    CHECK(in("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 2026)[0] == ZoneOffset{at(2026, 4, 4, 15), 37'800});
    CHECK(in("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 2026)[0] == ZoneOffset{at(2026, 3, 29, 1), -3'600});
    CHECK(in("AAA1BBB,J60/0,J300/0", 2024)[0].from_s == at(2024, 3, 1, 1));  // Julian days know no leap day
    CHECK(in("AAA1BBB,59/0,300/0", 2024)[0].from_s == at(2024, 2, 29, 1));
    CHECK(in("CST-8", 2026).empty());
    CHECK(TzRule::parse("CST-8").value().standard_s() == 28'800);
    for (const char* wrong :
         {"", "C", "CET", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0",
          "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J0,J300", "CET-1CEST,M3.5.0,M10.5.0,", "<CET-1", "CET-168"}) {
        CAPTURE(wrong);
        CHECK_FALSE(TzRule::parse(wrong));
    }
}

TEST_CASE("the system's zones, from a moment on") {
    const auto of = [](const std::string& zone, std::int64_t from) {
        return zone_offsets(kZonesFolder, zone, static_cast<std::uint64_t>(from) * 1'000'000);
    };
    CHECK(of("UTC", at(2026, 1, 1)).value().empty());
    const auto shanghai = of("Asia/Shanghai", at(2026, 1, 1));
    if (!shanghai) {
        MESSAGE("skipped: this machine knows no time zones");
        return;
    }
    CHECK(shanghai.value() == Offsets{{at(2026, 1, 1), 28'800}});
    const auto berlin = of("Europe/Berlin", at(2026, 1, 1)).value();
    REQUIRE(berlin.size() == 21);  // ten years
    CHECK(berlin[0] == ZoneOffset{at(2026, 1, 1), 3'600});
    CHECK(berlin[1] == ZoneOffset{at(2026, 3, 29, 1), 7'200});
    CHECK(berlin[2] == ZoneOffset{at(2026, 10, 25, 1), 3'600});
    // Where the file's table ends its rule goes on, without a seam.
    const auto late = of("Europe/Berlin", at(2036, 7, 1)).value();
    CHECK(late[0].offset_s == 7'200);
    CHECK(late[1] == ZoneOffset{at(2036, 10, 26, 1), 3'600});
    for (std::size_t i = 1; i < late.size(); ++i) CHECK(late[i].offset_s != late[i - 1].offset_s);
    CHECK(of("Europe/Berlin", at(2050, 7, 1)).value()[0].offset_s == 7'200);
    CHECK(of("Europe/Berlin", at(2050, 1, 1)).value()[0].offset_s == 3'600);
    CHECK(of("Asia/Kolkata", at(2026, 1, 1)).value()[0].offset_s == 19'800);
}

TEST_CASE("a zone's name is no path, and a slip of the fingers is told") {
    for (const char* wrong : {"", "../../etc/passwd", "/etc/passwd", "Asia/../Asia/Shanghai", "Asia//Shanghai", "Asia/",
                              "Europe/Berlin\n", ".", "Asia"}) {
        CAPTURE(wrong);
        CHECK_FALSE(zone_offsets(kZonesFolder, wrong, 1'767'225'600'000'000));
    }
    const auto slip = zone_offsets(kZonesFolder, "Asia/Shangai", 1'767'225'600'000'000);
    if (zone_offsets(kZonesFolder, "Asia/Shanghai", 0))
        CHECK(slip.error().detail.find("did you mean \"Asia/Shanghai\"?") != std::string::npos);
    CHECK(zone_offsets("/nonexistent", "Asia/Shanghai", 0).error().detail.find("install tzdata") != std::string::npos);
}

TEST_CASE("bytes that are no zone's are refused") {
    CHECK_FALSE(offsets_in("", 0, 1));
    CHECK_FALSE(offsets_in("TZif", 0, 1));
    std::string cut(44, '\0');
    cut.replace(0, 5, "TZif2");
    CHECK_FALSE(offsets_in(cut, 0, 1));
    cut[35] = 9;  // more times than there are bytes
    cut[39] = 1;
    CHECK_FALSE(offsets_in(cut, 0, 1));
}
