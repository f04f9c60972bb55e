#include "broker/init.hpp"

#include <fcntl.h>
#include <pwd.h>
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

/// Who serves has to read and write what was made for him.
Result<> give(const std::string& path, const std::optional<BrokerUser>& owner) {
    if (!owner || ::lchown(path.c_str(), owner->uid, owner->gid) == 0 || errno == ENOENT) return ok();
    return os_error(errno, path, "cannot be given to the broker's user");
}

std::string config_text(const InitOptions& options, const std::string& dir, bool api_tls) {
    const std::string cert = "cert_file = \"" + dir + "/gateway.crt\"\nkey_file = \"" + dir + "/gateway.key\"\n";
    const std::string console = options.console_url.empty() ? "" : "public_url = \"" + options.console_url + "\"\n";
    return "# Made by edge-broker init. Every setting, with its default: broker.toml(5), or config/broker.toml of the "
           "sources.\n\n"
           "# People and programs. Plain HTTP only on a loopback address.\n"
           "[api]\nlisten = \"" +
           options.api + "\"\ntls = " + (api_tls ? "true\n" + cert : "false\n") + console +
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
    if (!options.console_url.empty() && !is_origin(options.console_url))
        return Error{Errc::bad_value, "--console-url", "expected https://HOST or https://HOST:PORT"};
    return options;
}

Result<std::string> absolute(const std::string& wanted) {
    std::error_code failed;
    const std::string path = fs::absolute(wanted, failed).lexically_normal().string();
    if (failed) return Error{Errc::io, wanted, failed.message()};
    return path;
}

Result<> make_folder(const std::string& dir, mode_t mode, Undo& undo) {
    if (::mkdir(dir.c_str(), mode) == 0) {
        undo.add(dir);
    } else if (errno != EEXIST) {
        return cannot_make(dir);
    }
    return ok();
}

Result<> none_is_there(const std::vector<std::string>& paths) {
    for (const auto& path : paths)
        if (::access(path.c_str(), F_OK) == 0)
            return Error{Errc::conflict, path, "is there already and is not overwritten; choose another --dir"};
    return ok();
}

}  // namespace

Result<Made> init(const InitOptions& given) {
    EDGE_TRY(auto options, complete(given));
    EDGE_TRY(auto api, http::ListenAddress::parse(options.api));
    EDGE_TRY(auto host, host_of_url(options.public_url));
    EDGE_TRY(auto dir, absolute(options.dir));
    EDGE_TRY(auto config, absolute(options.config.empty() ? dir + "/broker.toml" : options.config));
    EDGE_TRY(none_is_there({config, dir + "/gateway.crt", dir + "/gateway.key", dir + "/edge.db"}));
    Undo undo;
    EDGE_TRY(make_folder(dir, 0700, undo));
    if (!options.config.empty()) {
        EDGE_TRY(make_folder(fs::path(config).parent_path().string(), 0755, undo));
    }
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
    // Nobody connects to "every address"; the certificate is for the host that agents know.
    const bool everywhere = api.address == IpAddress{api.address.v6, {}};
    const std::string api_url =
        (api_tls ? "https://" : "http://") + (everywhere ? http::host_and_port(host, api.port) : options.api);
    if (options.console_url.empty() && api_tls) options.console_url = api_url;
    const bool is_beside = options.config.empty();
    EDGE_TRY(write_new(config, config_text(options, dir, api_tls), is_beside ? 0600 : 0640, undo));
    for (const char* name :
         {"", "/gateway.crt", "/gateway.key", "/edge.db", "/edge.db-wal", "/edge.db-shm", "/edge.db.lock"}) {
        EDGE_TRY(give(dir + name, options.owner));
    }
    if (options.owner) {
        EDGE_TRY(give(config, is_beside ? options.owner : BrokerUser{0, options.owner->gid}));
    }
    undo.keep();
    return Made{.api = api_url,
                .ca_file = api_tls ? dir + "/gateway.crt" : "",
                .token = std::move(token),
                .public_url = options.public_url,
                .pin = pin_text(spki),
                .config = config};
}

Result<InitOptions> installed_layout() {
    const std::string how = "; --dir makes a broker in a folder, for any user";
    if (::geteuid() != 0)
        return Error{Errc::denied, "init", "without --dir it sets up the installed broker, as root" + how};
    const passwd* user = ::getpwnam("edge-broker");
    if (user == nullptr)
        return Error{Errc::not_found, "init", "there is no user edge-broker; install the package" + how};
    InitOptions options;
    options.dir = "/var/lib/edge-broker";
    options.config = "/etc/edge/broker.toml";
    options.gateway = "0.0.0.0:443";
    options.owner = BrokerUser{user->pw_uid, user->pw_gid};
    return options;
}

}  // namespace edge::broker
