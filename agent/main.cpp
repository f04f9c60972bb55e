#include <CLI/CLI.hpp>

#include "agent/commands.hpp"

int main(int argc, char** argv) {
    using namespace edge::agent;
    CLI::App app("Runs probes on this machine's lines for a broker it dials; listens nowhere.", "edge-agent");
    app.set_version_flag("--version", EDGE_VERSION);
    std::string config = "/etc/edge/agent.toml";
    std::string url;
    std::string token;
    bool check = false;
    app.add_option("--config", config, "agent.toml")->capture_default_str();
    app.add_flag("--check-config", check, "Say `ok`, or all that is wrong with the file, and exit");
    app.add_subcommand("run", "Serve until SIGTERM (what happens without a command)")->fallthrough();
    CLI::App* enroll =
        app.add_subcommand("enroll", "Join a broker: makes the node's key, writes identity.json")->fallthrough();
    enroll->add_option("url", url, "https://HOST:PORT of the broker's gateway")->required();
    enroll->add_option("--token", token, "Join token, as the broker printed it")->required();
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& asked) {  // --help, --version
        return app.exit(asked);
    } catch (const CLI::ParseError& error) {
        return complain(exit_usage, std::string(error.what()) + "; see edge-agent --help");
    }
    if (check) return check_config(config);
    if (enroll->parsed()) return enroll_node(config, url, token);
    return run_agent(config);
}
