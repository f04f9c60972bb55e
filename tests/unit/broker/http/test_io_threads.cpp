#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <stdexcept>

#include "broker/http/io_threads.hpp"

using namespace edge;

TEST_CASE("an exception out of an operation on an I/O thread ends the broker with 70") {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        http::IoThreads threads(1);
        boost::asio::post(threads.at(0), [] { throw std::runtime_error("out of the blue"); });
        threads.start();
        while (true) ::pause();
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 70);
}
