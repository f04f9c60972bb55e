// edge-broker: reads its flags and its configuration, then serves or sets up.
#include <malloc.h>
#include <sysexits.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <optional>
#include <variant>
#include <vector>

#include "broker/config.hpp"
#include "broker/init.hpp"
#include "broker/serve.hpp"
#include "broker/store/sqlite_backup.hpp"
#include "protocol/config/toml.hpp"
#include "protocol/json/described.hpp"
#include "protocol/systemd/program_log.hpp"

namespace edge::broker {
namespace {

/// docs/exit-codes.md
int exit_code(const Error& error) {
    switch (error.code) {
        case Errc::not_found:
            return EX_NOINPUT;
        case Errc::unavailable:
        case Errc::conflict:
            return EX_UNAVAILABLE;
        case Errc::denied:
            return EX_NOPERM;
        case Errc::io:
            return EX_IOERR;
        case Errc::bad_value:
        case Errc::bad_syntax:
        case Errc::too_large:
        case Errc::unsupported:
            return EX_CONFIG;
        default:
            return EX_SOFTWARE;
    }
}

void complain(const std::string& message) {
    std::fprintf(stderr, "edge-broker: %s\n", message.c_str());
}

int failed(const Error& error) {
    complain(error.message());
    return exit_code(error);
}

/// What is wrong with a configuration is said; the exit code for it, or none.
std::optional<int> code_of(const std::vector<Error>& problems) {
    for (const auto& problem : problems) complain(problem.message());
    return problems.empty() ? std::nullopt : std::optional(exit_code(problems.front()));
}

/// The configuration, or the exit code after all that is wrong with it was said.
std::variant<BrokerConfig, int> config_of(const std::string& file) {
    const auto text = read_file(file);
    if (!text) return failed(text.error());
    auto read = read_config(text.value(), file);
    if (const auto code = code_of(read.problems)) return *code;
    return std::move(read.config);
}

int run_check(const BrokerConfig& config) {
    const auto checked = check_files(config);
    for (const auto& note : checked.notes) complain(note);
    if (const auto code = code_of(checked.problems)) return *code;
    std::puts("ok");
    return EX_OK;
}

int run(const std::string& file, bool check_only) {
    const auto read = config_of(file);
    if (const int* code = std::get_if<int>(&read)) return *code;
    const auto& config = std::get<BrokerConfig>(read);
    if (check_only) return run_check(config);
    (void)systemd::open_program_log("edge-broker", std::string(enum_text(config.log.level)));
    const auto served = serve(config);
    return served ? EX_OK : failed(served.error());
}

/// What was given, in the package's layout where no --dir is.
Result<InitOptions> completed(const InitOptions& given, bool own_gateway) {
    if (!given.dir.empty()) return given;
    EDGE_TRY(auto options, installed_layout());
    if (own_gateway) options.gateway = given.gateway;
    options.api = given.api;
    options.public_url = given.public_url;
    options.console_url = given.console_url;
    return options;
}

int run_init(const InitOptions& given, bool own_gateway, bool json) {
    const auto options = completed(given, own_gateway);
    if (!options) {
        complain(options.error().message());
        return options.error().code == Errc::denied ? EX_NOPERM : EX_CONFIG;
    }
    const bool installed = options.value().owner.has_value();
    const auto made = init(options.value());
    if (!made) {
        const Errc code = made.error().code;
        complain(made.error().message());
        return code == Errc::bad_value && made.error().where.starts_with("--") ? EX_USAGE : EX_CANTCREAT;
    }
    const Made& it = made.value();
    if (json) {
        const Json object = {{"api", it.api},
                             {"token", it.token},
                             {"public_url", it.public_url},
                             {"pin", it.pin},
                             {"config", it.config}};
        std::printf("%s\n", dump_json(object).c_str());
    } else {
        std::printf(
            "API          %s\nadmin token  %s\n             shown this once; only its hash is kept\n"
            "gateway      %s, as nodes must reach it; public_url in the config\npin          %s\nconfig       %s\n\n"
            "Start it:    %s%s\nUse it:      export EDGE_URL=%s EDGE_TOKEN=%s%s\n"
            "             edgectl get nodes\n",
            it.api.c_str(), it.token.c_str(), it.public_url.c_str(), it.pin.c_str(), it.config.c_str(),
            installed ? "systemctl enable --now edge-broker.socket edge-broker" : "edge-broker --config ",
            installed ? "" : it.config.c_str(), it.api.c_str(), it.token.c_str(),
            it.ca_file.empty() ? "" : (" EDGE_CA_FILE=" + it.ca_file).c_str());
    }
    return EX_OK;
}

int run_backup(const std::string& config_file, const std::string& file) {
    const auto config = config_of(config_file);
    if (const int* code = std::get_if<int>(&config)) return *code;
    const auto made = back_up(std::get<BrokerConfig>(config).store.path, file);
    if (!made) return failed(made.error());
    std::printf("%s  %llu bytes, checked; generation %s\n", file.c_str(),
                static_cast<unsigned long long>(made.value().bytes), made.value().generation.text().c_str());
    return EX_OK;
}

int run_restore(const std::string& config_file, const std::string& file, bool in_place) {
    const auto config = config_of(config_file);
    if (const int* code = std::get_if<int>(&config)) return *code;
    const std::string& path = std::get<BrokerConfig>(config).store.path;
    const auto now = static_cast<WallTime>(
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count());
    const auto done = in_place ? restore_in_place(path, now) : restore(path, file, now);
    if (!done) return failed(done.error());
    std::printf("%s  restored; generation %s\n", path.c_str(), done.value().generation.text().c_str());
    if (!done.value().set_aside.empty()) std::printf("%s  is what was there before\n", done.value().set_aside.c_str());
    std::puts(
        "Start the broker: nodes send again what it lacks, as far as they keep it (a day, if not configured "
        "otherwise).");
    return EX_OK;
}

int main(int argc, char** argv) {
    // Arenas are per thread by default and never shrink; few threads here allocate much.
    mallopt(M_ARENA_MAX, 2);
    CLI::App app{"The broker of EDGE: agents dial in at its gateway; people and programs use its API.", "edge-broker"};
    std::string config;
    bool check_only = false;
    app.add_option("--config", config, "broker.toml");
    app.add_flag("--check-config", check_only,
                 "read the configuration and the files it names, say ok or all that is wrong, and end");
    app.set_version_flag("--version", "edge-broker " EDGE_VERSION);
    InitOptions options;
    bool json = false;
    CLI::App* init_command =
        app.add_subcommand("init", "make key, certificate, store, administrator's token and broker.toml");
    init_command->add_option(
        "--dir", options.dir,
        "a folder for all of it; without it, as root, /etc/edge/broker.toml and /var/lib/edge-broker of the "
        "user edge-broker, with the gateway on port 443");
    auto* gateway = init_command->add_option("--gateway", options.gateway, "where agents dial in, ADDRESS:PORT")
                        ->capture_default_str();
    init_command->add_option("--api", options.api, "where the API listens, ADDRESS:PORT")->capture_default_str();
    init_command->add_option("--public-url", options.public_url, "https://HOST:PORT, as agents reach the gateway");
    init_command->add_option(
        "--console-url", options.console_url,
        "https://HOST[:PORT], as people open the console: nodes that enrol print the link to their page");
    init_command->add_flag("--json", json, "print one JSON object");
    std::string backup_file;
    CLI::App* backup_command =
        app.add_subcommand("backup", "copy the store into a new file, also while the broker runs; needs --config");
    backup_command->add_option("file", backup_file, "FILE, which must not be there yet")->required();
    std::string restore_file;
    bool in_place = false;
    CLI::App* restore_command = app.add_subcommand(
        "restore", "make a backup the store, while no broker runs; what was there is kept; needs --config");
    auto* from = restore_command->add_option("file", restore_file, "FILE, made by edge-broker backup");
    restore_command->add_flag("--in-place", in_place, "the backup is at [store] path already, copied by hand")
        ->excludes(from);
    for (CLI::App* command : {backup_command, restore_command}) command->fallthrough();
    try {
        app.parse(argc, argv);
        if (restore_command->parsed() && restore_file.empty() && !in_place)
            throw CLI::RequiredError("restore FILE, or restore --in-place,");
        if (!init_command->parsed() && config.empty()) throw CLI::RequiredError("--config FILE, or init,");
    } catch (const CLI::Success& e) {
        return app.exit(e);
    } catch (const CLI::ParseError& e) {
        complain(std::string(e.what()) + "; edge-broker --help lists the flags");
        return EX_USAGE;
    }
    if (backup_command->parsed()) return run_backup(config, backup_file);
    if (restore_command->parsed()) return run_restore(config, restore_file, in_place);
    return init_command->parsed() ? run_init(options, gateway->count() > 0, json) : run(config, check_only);
}

}  // namespace
}  // namespace edge::broker

int main(int argc, char** argv) {
    try {
        return edge::broker::main(argc, argv);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "edge-broker: %s\n", e.what());
        return EX_SOFTWARE;
    }
}
