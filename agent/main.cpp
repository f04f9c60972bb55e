#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "agent/commands.hpp"
#include "agent/enrolment/enrolment.hpp"
#include "agent/exit_status.hpp"

int main(int argc, char** argv) {
    using namespace edge::agent;
    sigset_t hangup;
    ::sigemptyset(&hangup);
    ::sigaddset(&hangup, SIGHUP);
    ::sigprocmask(SIG_BLOCK, &hangup, nullptr);  // one that comes before the agent waits for it would end the process
    CLI::App app("Runs probes on this machine's lines for a broker it dials; listens nowhere.", "edge-agent");
    app.set_version_flag("--version", "edge-agent " EDGE_VERSION);
    std::string config = "/etc/edge/agent.toml";
    EnrollCommand joining;
    JoinTokenSource& token = joining.token;
    bool check = false;
    const auto add_config = [&](CLI::App& to) {
        to.add_option("--config", config, "agent.toml")->capture_default_str();
    };
    add_config(app);
    app.add_flag("--check-config", check, "Say `ok`, or all that is wrong with the file, and exit");
    CLI::App* run = app.add_subcommand("run", "Serve until SIGTERM (what happens without a command)")->fallthrough();
    bool as_json = false;
    std::string language = "en";
    CLI::App* doctor =
        app.add_subcommand("doctor", "Whether this machine can do its work, with the command that mends what cannot")
            ->fallthrough();
    doctor->add_flag("--json", as_json, "For a program");
    CLI::App* site =
        app.add_subcommand("site-report", "What EDGE has put on this machine, and how each is undone")->fallthrough();
    site->add_option("--lang", language, "en or zh")->check(CLI::IsMember({"en", "zh"}))->capture_default_str();
    CLI::App* enroll =
        app.add_subcommand(
               "enroll",
               "Join a broker. As root on an installed machine: propose lines, write the configuration, join as "
               "the user edge-agent, start the units, wait for connected")
            ->fallthrough();
    CLI::App* rotate =
        app.add_subcommand("rotate-key", "Make a new key, which replaces the node's at the next start")->fallthrough();
    for (CLI::App* command : {run, doctor, site, enroll, rotate}) add_config(*command);
    enroll->add_option("url", joining.url, "https://HOST:PORT of the broker's gateway")->required();
    enroll->add_option("--name", joining.name, "The name to ask for, in place of [node] name in agent.toml");
    enroll->add_flag("--replace", joining.replace,
                     "Join although this node has joined: its key is replaced once the broker has taken the new one; "
                     "results of another node are set aside, not lost");
    CLI::Option* from_file = enroll->add_option(
        "--token-file", token.file, "File with the join token, - for standard input; or EDGE_JOIN_TOKEN_FILE names it");
    enroll
        ->add_option("--token", token.text,
                     "The join token itself; every user of this machine can see it in the list of processes")
        ->excludes(from_file);
    enroll->add_flag("--yes", joining.yes, "Take the lines that are found without asking");
    CLI::Option* lines =
        enroll->add_option("--lines", joining.lines_file, "A lines.toml to take instead of what is found");
    enroll->add_flag("--no-lines", joining.no_lines, "Write no lines.toml")->excludes(lines);
    enroll->add_flag("--no-start", joining.no_start, "Start no unit; say how");
    enroll->add_option("--wait", joining.wait_s,
                       "Seconds to wait for connected; without it 30, where an agent runs then");
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& asked) {  // --help, --version
        return app.exit(asked);
    } catch (const CLI::ParseError& error) {
        return complain(exit_usage, std::string(error.what()) + "; see edge-agent --help");
    }
    if (check || doctor->parsed() || site->parsed() || enroll->parsed() || rotate->parsed())
        ::sigprocmask(SIG_UNBLOCK, &hangup, nullptr);  // these end with their terminal
    if (check) return check_config(config);
    if (doctor->parsed()) return run_doctor(config, as_json);
    if (site->parsed()) return report_site(config, language);
    if (rotate->parsed()) return rotate_key(config);
    if (!enroll->parsed()) return run_agent(config);
    if (token.text.empty() && token.file.empty()) {
        const char* named = std::getenv("EDGE_JOIN_TOKEN_FILE");
        token.file = named != nullptr ? named : "";
    }
    return enroll_node(config, joining);
}
