#include "broker/init.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <vector>

#include "broker/certificate.hpp"
#include "broker/config.hpp"
#include "broker/domain/make_domain.hpp"
#include "broker/store/sqlite_store.hpp"
#include "broker/store/store.hpp"

namespace edge::broker {
namespace {

namespace fs = std::filesystem;

/// What was made, to be taken back unless all of it was.
class Undo {
  public:
    Undo() = default;
    Undo(Undo&&) = delete;
    ~Undo() {
        std::error_code ignored;  // it is the way back from a failure already
        for (auto path = made_.rbegin(); path != made_.rend(); ++path) fs::remove(*path, ignored);
    }
    void add(std::string path) { made_.push_back(std::move(path)); }
    void keep() { made_.clear(); }

  private:
    std::vector<std::string> made_;
};

Error cannot_make(const std::string& path) {
    return os_error(errno, path, "cannot be made");
}

Result<> write_new(const std::string& path, const std::string& text, mode_t mode, Undo& undo) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) return cannot_make(path);
    undo.add(path);
    const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
    const Error error = cannot_make(path);
    ::close(fd);
    if (!written) return error;
    return ok();
}

std::string config_text(const InitOptions& options, const std::string& dir, bool api_tls) {
    const std::string cert = "cert_file = \"" + dir + "/gateway.crt\"\nkey_file = \"" + dir + "/gateway.key\"\n";
    return "# Made by edge-broker init. Every setting, with its default, stands in config/broker.toml of the "
           "sources.\n\n"
           "# People and programs. Plain HTTP only on a loopback address.\n"
           "[api]\nlisten = \"" +
           options.api + "\"\ntls = " + (api_tls ? "true\n" + cert : "false\n") +
           "\n# Agents dial in here. They know the broker by its key (the pin), not by who signed the certificate.\n"
           "[gateway]\nlisten = \"" +
           options.gateway + "\"\n" + cert + "public_url = \"" + options.public_url +
           "\"\n\n"
           "[store]\npath = \"" +
           dir + "/edge.db\"\n\n[broker]\nio_threads = 2\n\n[log]\nlevel = \"info\"\n";
}

Result<InitOptions> complete(InitOptions options) {
    auto gateway = http::ListenAddress::parse(options.gateway);
    if (!gateway) return Error{Errc::bad_value, "--gateway", gateway.error().detail};
    if (auto api = http::ListenAddress::parse(options.api); !api)
        return Error{Errc::bad_value, "--api", api.error().detail};
    if (options.public_url.empty()) {
        const http::ListenAddress& listen = gateway.value();
        std::string host = listen.address.text();
        if (listen.address == IpAddress{listen.address.v6, {}}) {  // every address: agents need one
            std::array<char, 256> name{};
            if (::gethostname(name.data(), name.size() - 1) != 0)
                return os_error(errno, "--public-url", "this machine has no name; say where agents reach it");
            host = name.data();
        }
        options.public_url = "https://" + http::host_and_port(host, listen.port);
    }
    if (auto host = host_of_url(options.public_url); !host)
        return Error{Errc::bad_value, "--public-url", host.error().detail};
    if (options.dir.find_first_of("\"\\\n") != std::string::npos)
        return Error{Errc::bad_value, "--dir", "a quote, backslash or line break in the folder's name"};
    return options;
}

Result<std::string> make_folder(const std::string& wanted, Undo& undo) {
    std::error_code failed;
    const std::string dir = fs::absolute(wanted, failed).lexically_normal().string();
    if (failed) return Error{Errc::io, wanted, failed.message()};
    for (const char* name : {"broker.toml", "gateway.crt", "gateway.key", "edge.db"}) {
        const std::string path = dir + "/" + name;
        if (::access(path.c_str(), F_OK) == 0)
            return Error{Errc::conflict, path, "is there already and is not overwritten; choose another --dir"};
    }
    if (::mkdir(dir.c_str(), 0700) == 0) {
        undo.add(dir);
    } else if (errno != EEXIST) {
        return cannot_make(dir);
    }
    return dir;
}

}  // namespace

Result<Made> init(const InitOptions& given) {
    EDGE_TRY(auto options, complete(given));
    EDGE_TRY(auto api, http::ListenAddress::parse(options.api));
    EDGE_TRY(auto host, host_of_url(options.public_url));
    Undo undo;
    EDGE_TRY(auto dir, make_folder(options.dir, undo));
    EDGE_TRY(auto certificate, make_certificate(host));
    EDGE_TRY(auto spki, spki_digest(certificate.cert_pem));
    EDGE_TRY(write_new(dir + "/gateway.crt", certificate.cert_pem, 0644, undo));
    EDGE_TRY(write_new(dir + "/gateway.key", certificate.key_pem, 0600, undo));
    for (const char* name : {"/edge.db", "/edge.db-wal", "/edge.db-shm", "/edge.db.lock"}) undo.add(dir + name);
    std::string token;
    {
        EDGE_TRY(auto store, open_sqlite_store(dir + "/edge.db"));
        EDGE_TRY(auto made, create_admin_token(*store));
        token = std::move(made);
    }
    const bool api_tls = !api.is_loopback();
    EDGE_TRY(write_new(dir + "/broker.toml", config_text(options, dir, api_tls), 0600, undo));
    undo.keep();
    // Nobody connects to "every address"; the certificate is for the host that agents know.
    const bool everywhere = api.address == IpAddress{api.address.v6, {}};
    return Made{
        .api = (api_tls ? "https://" : "http://") + (everywhere ? http::host_and_port(host, api.port) : options.api),
        .ca_file = api_tls ? dir + "/gateway.crt" : "",
        .token = std::move(token),
        .public_url = options.public_url,
        .pin = pin_text(spki),
        .config = dir + "/broker.toml"};
}

}  // namespace edge::broker
