#include <doctest/doctest.h>

#include "agent/host/host_readings.hpp"
#include "agent/host/kernel_texts.hpp"

using namespace edge::agent;

TEST_CASE("pressure is read from the kernel's text, and from nothing else") {
    CHECK(pressure_permille("some avg10=97.59 avg60=97.60 avg300=92.87 total=10586068793\nfull avg10=0.00") == 975);
    CHECK(pressure_permille("some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n") == 0);
    CHECK(pressure_permille("some avg10=100.00 avg60=1.00") == 1000);
    for (const char* text :
         {"", "some avg10=", "some avg10=5", "some avg10=x.1", "full avg10=1.00", "some avg10=101.00", "some avg10=1.",
          "some avg10=1.x", "some avg10=99999999999999999999.0"}) {
        CAPTURE(text);
        CHECK_FALSE(pressure_permille(text));
    }
}

TEST_CASE("a number is found by its key at the start of a line") {
    const char* text = "user_usec 5\nusage_usec 26461462507\nusage_usec_x 7";
    CHECK(keyed_number(text, "usage_usec") == 26'461'462'507);
    CHECK(keyed_number(text, "user_usec") == 5);
    CHECK_FALSE(keyed_number(text, "usec"));
    CHECK_FALSE(keyed_number("usage_usec", "usage_usec"));
    CHECK_FALSE(keyed_number("usage_usec x", "usage_usec"));
    CHECK_FALSE(keyed_number("", "usage_usec"));
}

TEST_CASE("this machine tells what it has") {
    HostReadings readings("/tmp");
    const auto host = readings.read(0);
    CHECK(host.cpus > 0);
    CHECK(host.memory_bytes > host.memory_free_bytes);
    CHECK(host.disk_bytes >= host.disk_free_bytes);
    CHECK(host.disk_bytes > 0);
    CHECK_FALSE(host.cpu_permille);  // there is no interval yet
}
