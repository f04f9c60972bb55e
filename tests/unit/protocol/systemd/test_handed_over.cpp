// Sockets and credentials that a unit hands over.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <tuple>

#include "protocol/systemd/credentials.hpp"
#include "protocol/systemd/listen_sockets.hpp"

using namespace edge;
using namespace edge::systemd;

namespace {

/// Which descriptors are whose is a process's own: in a child, with so many sockets from 3 on. Its answer.
bool in_child(int sockets, const std::string& count, const char* names, const std::function<bool()>& holds,
              std::optional<int> pid = {}) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const int made = ::fcntl(::socket(AF_INET, SOCK_STREAM, 0), F_DUPFD, 100);
        for (int fd = 3; fd < 100; ++fd) ::close(fd);
        for (int i = 0; i < sockets; ++i) ::dup2(made, 3 + i);
        ::setenv("LISTEN_PID", std::to_string(pid.value_or(::getpid())).c_str(), 1);
        ::setenv("LISTEN_FDS", count.c_str(), 1);
        names ? ::setenv("LISTEN_FDNAMES", names, 1) : ::unsetenv("LISTEN_FDNAMES");
        ::_exit(holds() ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool is_refused(const std::string& where) {
    const auto taken = take_listen_sockets();
    return !taken && taken.error().code == Errc::bad_value && taken.error().where == where;
}

}  // namespace

TEST_CASE("sockets that were handed over are taken by their names, once, and no child has them") {
    CHECK(in_child(2, "2", "gateway:api", [] {
        const auto taken = take_listen_sockets();
        if (!taken || taken.value().size() != 2) return false;
        const auto& [gateway, api] = std::tie(taken.value()[0], taken.value()[1]);
        const bool is_there =
            gateway.name == "gateway" && gateway.fd.get() == 3 && api.name == "api" && api.fd.get() == 4;
        const bool is_closed_on_exec = ::fcntl(3, F_GETFD) == FD_CLOEXEC && ::fcntl(4, F_GETFD) == FD_CLOEXEC;
        const bool is_taken_out =
            !std::getenv("LISTEN_PID") && !std::getenv("LISTEN_FDS") && !std::getenv("LISTEN_FDNAMES");
        const auto again = take_listen_sockets();
        return is_there && is_closed_on_exec && is_taken_out && again && again.value().empty();
    }));
    CHECK(in_child(1, "1", nullptr, [] {
        const auto taken = take_listen_sockets();
        return taken && taken.value().size() == 1 && taken.value()[0].name == "unknown";
    }));
    CHECK(in_child(
        1, "1", "gateway", [] { return take_listen_sockets().value().empty() && !std::getenv("LISTEN_FDS"); },
        1));  // another process's
    CHECK(in_child(0, "0", "", [] { return take_listen_sockets().value().empty(); }));
}

TEST_CASE("variables that contradict each other or the descriptors are refused") {
    CHECK(in_child(1, "many", "gateway", [] { return is_refused("LISTEN_FDS"); }));
    CHECK(in_child(1, "-1", "gateway", [] { return is_refused("LISTEN_FDS"); }));
    CHECK(in_child(1, "65", "gateway", [] { return is_refused("LISTEN_FDS"); }));
    CHECK(in_child(1, "2", "gateway:api", [] { return is_refused("LISTEN_FDS"); }));  // the second is not open
    CHECK(in_child(2, "2", "gateway", [] { return is_refused("LISTEN_FDNAMES"); }));
}

TEST_CASE("credential:NAME is a file of the folder that the unit hands over, and anything else stays a file's name") {
    char made[] = "/tmp/edge-credentials-XXXXXX";
    REQUIRE(::mkdtemp(made) != nullptr);
    const std::string folder = made;
    std::ofstream(folder + "/gateway.key") << "secret";
    ::setenv("CREDENTIALS_DIRECTORY", folder.c_str(), 1);
    CHECK(file_of("credential:gateway.key").value() == folder + "/gateway.key");
    CHECK(file_of("/etc/edge/gateway.key").value() == "/etc/edge/gateway.key");
    CHECK(file_of("").value().empty());
    CHECK(is_credential("credential:x"));
    CHECK(!is_credential("/credential:x"));
    const auto missing = file_of("credential:api.key");
    REQUIRE(!missing);
    CHECK(missing.error().code == Errc::not_found);
    CHECK(missing.error().message().find("add LoadCredential=api.key:FILE to the unit") != std::string::npos);
    for (const char* name : {"credential:", "credential:../x", "credential:a/b", "credential:..", "credential:."}) {
        CAPTURE(name);
        REQUIRE(!file_of(name));
        CHECK(file_of(name).error().code == Errc::bad_value);
    }
    ::unsetenv("CREDENTIALS_DIRECTORY");
    const auto without = file_of("credential:gateway.key");
    REQUIRE(!without);
    CHECK(without.error().message().find("nothing was handed over") != std::string::npos);
    std::filesystem::remove_all(folder);
}
