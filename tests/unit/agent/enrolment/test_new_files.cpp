#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "agent/enrolment/new_files.hpp"

using namespace edge::agent;
namespace fs = std::filesystem;

namespace {

struct EmptyFolder {
    EmptyFolder() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
    ~EmptyFolder() { fs::remove_all(path); }
    std::string path = "/tmp/edge-new-files.XXXXXX";
};

FileRights rights(mode_t mode) {
    return {::geteuid(), ::getegid(), mode};
}

std::string text_in(const std::string& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("what is made has its mode whatever the umask, and goes again unless it is kept") {
    EmptyFolder folder;
    const mode_t before = ::umask(0077);
    for (const bool kept : {false, true}) {
        {
            NewFiles files;
            CHECK(files.make_folder(folder.path + "/etc", rights(0755)).value());
            CHECK(files.write(folder.path + "/etc/a.toml", "text\n", rights(0640)).value());
            CHECK(files.made().size() == 2);
            struct stat status {};
            REQUIRE(::stat((folder.path + "/etc/a.toml").c_str(), &status) == 0);
            CHECK((status.st_mode & 07777) == 0640);
            REQUIRE(::stat((folder.path + "/etc").c_str(), &status) == 0);
            CHECK((status.st_mode & 07777) == 0755);
            CHECK(text_in(folder.path + "/etc/a.toml") == "text\n");
            if (kept) files.keep();
        }
        CHECK(fs::exists(folder.path + "/etc") == kept);
    }
    ::umask(before);
}

TEST_CASE("nothing that is there is overwritten or taken back, not even a link that leads nowhere") {
    EmptyFolder folder;
    std::ofstream(folder.path + "/mine") << "mine";
    fs::create_symlink("nowhere", folder.path + "/link");
    std::ofstream(folder.path + "/fresh.new") << "of a try that was killed";
    {
        NewFiles files;
        CHECK_FALSE(files.make_folder(folder.path, rights(0755)).value());
        CHECK_FALSE(files.write(folder.path + "/mine", "other", rights(0644)).value());
        CHECK_FALSE(files.write(folder.path + "/link", "other", rights(0644)).value());
        CHECK(files.write(folder.path + "/fresh", "new", rights(0644)).value());
        CHECK(text_in(folder.path + "/fresh") == "new");
        CHECK_FALSE(files.write(folder.path + "/none/file", "text", rights(0644)));
        files.take_back();
    }
    CHECK(text_in(folder.path + "/mine") == "mine");
    CHECK_FALSE(fs::exists(folder.path + "/nowhere"));
    CHECK_FALSE(fs::exists(folder.path + "/fresh"));
    CHECK_FALSE(fs::exists(folder.path + "/fresh.new"));
}
