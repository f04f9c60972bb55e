#include "agent/enrolment/enrolment.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "agent/disk/posix_disk.hpp"
#include "agent/doctor/checks.hpp"
#include "agent/enrolment/agent_user.hpp"
#include "agent/enrolment/config_texts.hpp"
#include "agent/enrolment/connected.hpp"
#include "agent/enrolment/look_at_network.hpp"
#include "agent/enrolment/new_files.hpp"
#include "agent/enrolment/other_programs.hpp"
#include "agent/exit_status.hpp"
#include "agent/fd.hpp"
#include "agent/link/identity.hpp"
#include "agent/settings_file.hpp"

namespace edge::agent {
namespace {

namespace fs = std::filesystem;
constexpr std::uint32_t kWaitSeconds = 30;

/// A step that cannot be done ends the command; what it has said, and the status.
using Step = std::optional<int>;
constexpr Step kGoOn = std::nullopt;

void tell(const char* step, const std::string& what) {
    std::printf("%-10s%s\n", step, what.c_str());
    std::fflush(stdout);
}

bool is_there(const std::string& path) {
    return ::faccessat(AT_FDCWD, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/// At the terminal, whatever standard input is. Nothing: there is none.
std::optional<bool> is_yes(const std::string& question) {
    const Fd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
    if (!terminal) return std::nullopt;
    if (::write(terminal.number(), question.data(), question.size()) < 0) return std::nullopt;
    char answer[64] = {};
    const ssize_t n = ::read(terminal.number(), answer, sizeof answer - 1);
    const std::string said(answer, n > 0 ? static_cast<std::size_t>(n) : 0);
    return said == "y\n" || said == "Y\n" || said == "yes\n";
}

std::string joined_text(const std::vector<std::string>& words, const char* between) {
    std::string all;
    for (const auto& word : words) all += (all.empty() ? "" : between) + word;
    return all;
}

class Enrolment {
  public:
    Enrolment(const std::string& config, const EnrollCommand& command, Settings settings, AgentUser user)
        : command_(command),
          settings_(std::move(settings)),
          user_(std::move(user)),
          config_(fs::absolute(config).lexically_normal()),
          folder_(fs::path(config_).parent_path()) {}

    int run() {
        for (const auto step : {&Enrolment::read_who_it_is, &Enrolment::read_token, &Enrolment::look_at_kernel,
                                &Enrolment::write_files, &Enrolment::join_broker, &Enrolment::start, &Enrolment::wait})
            if (const Step ended = (this->*step)()) return *ended;
        return exit_ok;
    }

  private:
    const std::string& state_dir() const { return settings_.agent.state_dir; }
    std::string lines_file() const { return folder_ + "/lines.toml"; }

    Step read_who_it_is() {
        auto state = PosixDisk::open(state_dir());
        if (!state) return kGoOn;
        const auto identity = load_identity(state.value());
        if (!identity || command_.replace) return kGoOn;
        const auto asked = parse_broker_url(command_.url);
        if (!asked) return complain(exit_usage, asked.error().message());
        const auto known = endpoint_of(identity.value());
        const Identity& its = identity.value();
        const bool is_same = known && known.value().authority() == asked.value().authority() &&
                             (command_.name.empty() || command_.name == its.name.text());
        if (!is_same)
            return complain(exit_cannot_create,
                            std::string(kIdentityFile) + ": this node is already " + its.name.text() + " at " +
                                its.url +
                                "; to join anew, stop the agent and say the same with --replace: what it "
                                "has not delivered is kept");
        identity_ = its;
        return kGoOn;
    }

    Step read_token() {
        if (identity_) return kGoOn;
        if (const auto url = parse_broker_url(command_.url); !url) return complain(exit_usage, url.error().message());
        const auto text = join_token(command_.token);
        if (!text) return complain_of_token(text.error());
        if (const auto token = parse_join_token(text.value()); !token)
            return complain(exit_usage, token.error().message());
        token_ = text.value();
        return kGoOn;
    }

    Step look_at_kernel() {
        Diagnosis diagnosis;
        check_kernel(diagnosis);
        for (const auto& finding : diagnosis.findings) {
            if (finding.level == FindingLevel::ok) continue;
            const std::string fix = finding.fix.empty() ? "" : "; run: " + finding.fix;
            if (finding.level == FindingLevel::fail)
                return complain(exit_os_error,
                                finding.about + ": " + finding.what + fix + "; nothing was changed on this machine");
            tell("warning", finding.about + ": " + finding.what + fix);
        }
        tell("checked", "kernel, control groups, namespaces, seccomp");
        return kGoOn;
    }

    Step write_files() {
        std::string lines;
        if (const Step ended = choose_lines(lines)) return ended;
        if (const auto made = make_files(lines); !made) {
            files_.take_back();
            return complain(exit_cannot_create,
                            made.error().message() + "; nothing is left of what was made before it");
        }
        if (is_there(lines_file())) {
            if (const auto good = check_lines_files(folder_); !good) {
                files_.take_back();
                return complain(exit_config, good.error().message() + "\nedge-agent: nothing was changed");
            }
        }
        if (!files_.made().empty()) tell("wrote", joined_text(files_.made(), ", "));
        return kGoOn;
    }

    /// The text of a lines.toml that is to be made; empty: none is.
    Step choose_lines(std::string& text) {
        if (is_there(lines_file())) {
            tell("lines", lines_file() + " is there, and stays as it is");
            return kGoOn;
        }
        if (command_.no_lines) return kGoOn;
        if (!command_.lines_file.empty()) {
            const auto given = settings_text(command_.lines_file);
            if (!given) return complain(exit_no_input, command_.lines_file + ": cannot be read");
            text = given.value();
            return kGoOn;
        }
        const auto facts = look_at_network(settings_.health.prefix_file);
        if (!facts) return complain(exit_unavailable, facts.error().message());
        const auto proposal = propose_lines(facts.value());
        if (!proposal) return complain(exit_unavailable, proposal.error().message());
        tell("found", std::to_string(proposal.value().lines.size()) + " uplinks; as lines:");
        std::fputs(shown(proposal.value()).c_str(), stdout);
        text = lines_text(proposal.value());
        if (command_.yes) return kGoOn;
        std::fflush(stdout);
        const auto agreed = is_yes("Write these to " + lines_file() + "? [y/N] ");
        if (!agreed)
            return complain(exit_usage,
                            "there is no terminal to ask at; say --yes to take these lines, --lines FILE for "
                            "others, or --no-lines; nothing was changed");
        if (*agreed) return kGoOn;
        std::printf("\n%s", text.c_str());
        return complain(exit_unwell,
                        "nothing was changed; what would have been written is above: edit it in a file, and "
                        "name that with --lines FILE");
    }

    Result<> make_files(const std::string& lines) {
        const FileRights roots{0, 0, 0644};
        EDGE_TRY(files_.make_folder(folder_, {0, 0, 0755}));
        if (!lines.empty()) {
            EDGE_TRY(files_.write(lines_file(), lines, roots));
        }
        EDGE_TRY(files_.write(folder_ + "/policy.toml", policy_text(), roots));
        EDGE_TRY(
            files_.write(config_, agent_text(), {0, user_.gid, 0640}));  // a proxy's password may come to stand there
        if (!identity_) {
            EDGE_TRY(state_folder_.make_folder(state_dir(), {user_.uid, user_.gid, 0700}));
        }
        return ok();
    }

    Step join_broker() {
        if (identity_) {
            files_.keep();
            tell("joined", "already: " + identity_->url + " as " + identity_->name.text() + " (" +
                               identity_->node_id.text() + ")");
            return kGoOn;
        }
        const int status = as_user(user_, [this] {
            if (::access(config_.c_str(), R_OK) != 0)
                return complain(exit_config, config_ + ": the agent's user " + user_.text() +
                                                 " cannot read it; run: chgrp " + std::to_string(user_.gid) + " " +
                                                 config_ + " && chmod g+r " + config_);
            return join(settings_, {command_.url, token_, command_.name, command_.replace});
        });
        if (status != exit_ok) return undo_after(status);
        files_.keep();
        state_folder_.keep();
        if (auto state = PosixDisk::open(state_dir()); state)
            if (const auto identity = load_identity(state.value())) identity_ = identity.value();
        return kGoOn;
    }

    Step undo_after(int status) {
        // A key that the broker may know is kept: the same command goes on with it.
        const bool keeps_key = is_there(state_dir() + "/" + kKeyFile) || is_there(state_dir() + "/" + kEnrolKeyFile);
        if (keeps_key)
            state_folder_.keep();
        else if (!state_folder_.made().empty())
            (void)::unlink((state_dir() + "/lock").c_str());
        if (!files_.made().empty())
            complain(status, "not joined, so what was written is taken back: " + joined_text(files_.made(), ", "));
        return status;
    }

    std::vector<std::string> units() const {
        if (!is_there(lines_file())) return {"edge-agent.service"};  // the launcher's has a condition on it
        return {"edge-launcher.service", "edge-agent.service"};
    }

    Step start() {
        const std::string by_systemd = "systemctl enable --now " + joined_text(units(), " ");
        if (command_.no_start) {
            tell("to start", systemd_runs() ? by_systemd : "say\n" + by_hand());
            return kGoOn;
        }
        if (!systemd_runs()) {
            if (const auto state = link_state_of(state_dir()); state || state.error().code == Errc::not_found) {
                runs_ = true;  // whoever started it
                return kGoOn;
            }
            tell("to start", "no systemd runs here; say\n" + by_hand());
            return kGoOn;
        }
        if (!is_there(lines_file()))
            tell("no lines", "edge-launcher is not started: write " + lines_file() +
                                 ", then run: systemctl enable --now edge-launcher");
        if (const auto started = start_units(units()); !started)
            return complain(exit_unavailable, started.error().message() +
                                                  "; the node has joined and is configured; see journalctl -u "
                                                  "edge-launcher -u edge-agent -n 20, then run: " +
                                                  by_systemd);
        runs_ = true;
        tell("started", joined_text(units(), ", "));
        return kGoOn;
    }

    std::string by_hand() const {
        const std::string as = user_.name.empty() ? "setpriv --reuid=" + user_.text() +
                                                        " --regid=" + std::to_string(user_.gid) + " --clear-groups"
                                                  : "runuser -u " + user_.name + " --";
        std::string text;
        if (is_there(lines_file()))
            text = "  " + launcher_program() + " --config " + folder_ + " --socket " + settings_.agent.launcher +
                   " --agent-uid " + user_.text() + " --uid-base 70000 --cgroup edge\n";
        return text + "  chrt --idle 0 " + as + " edge-agent run --config " + config_;
    }

    Step wait() {
        if (runs_ || command_.wait_s) {
            const std::chrono::seconds within(command_.wait_s.value_or(kWaitSeconds));
            const auto connected = wait_until_connected(state_dir(), within);
            if (!connected)
                return complain(exit_unavailable, "not connected within " + std::to_string(within.count()) +
                                                      " s: " + connected.error().message() +
                                                      "; the node has joined, and its agent goes on trying; " +
                                                      "edge-agent doctor looks for what is wrong" +
                                                      (systemd_runs() ? ", journalctl -u edge-agent has its log" : ""));
            tell("connected", "to " + connected.value().broker);
        }
        if (identity_)
            tell("look at", identity_->console_url ? *identity_->console_url + "/nodes/" + identity_->name.text()
                                                   : "edgectl describe node " + identity_->name.text());
        return kGoOn;
    }

    const EnrollCommand& command_;
    const Settings settings_;
    const AgentUser user_;
    const std::string config_, folder_;
    std::optional<Identity> identity_;  // once it has joined
    std::string token_;
    NewFiles files_;
    NewFiles state_folder_;
    bool runs_ = false;
};

/// What only root can do was asked for.
bool sets_up(const EnrollCommand& command) {
    return command.yes || command.no_lines || command.no_start || !command.lines_file.empty() || command.wait_s;
}

int join_alone(const std::string& config, const EnrollCommand& command) {
    const auto loaded = load_settings(config);
    if (const int* status = std::get_if<int>(&loaded)) return *status;
    const auto token = join_token(command.token);
    if (!token) return complain_of_token(token.error());
    return join(std::get<Settings>(loaded), {command.url, token.value(), command.name, command.replace});
}

}  // namespace

int enroll_node(const std::string& config, const EnrollCommand& command) {
    const bool is_root = ::geteuid() == 0;
    if (!is_root && sets_up(command))
        return complain(exit_denied,
                        "enroll: to write the configuration and start the units takes root; as another user it joins "
                        "alone, without --yes, --lines, --no-lines, --no-start and --wait");
    if (!is_root) return join_alone(config, command);
    Settings settings;
    if (is_there(config)) {
        auto loaded = load_settings(config);
        if (const int* status = std::get_if<int>(&loaded)) return *status;
        settings = std::move(std::get<Settings>(loaded));
    }
    auto user = agent_user(settings.agent.state_dir);
    if (user && user->uid != 0) return Enrolment(config, command, std::move(settings), std::move(*user)).run();
    if (sets_up(command))
        return complain(
            exit_config,
            user ? settings.agent.state_dir + ": belongs to root; run: chown -R edge-agent: " + settings.agent.state_dir
                 : "there is no user edge-agent; install the package, or run: useradd --system "
                   "--user-group edge-agent");
    return join_alone(config, command);
}

}  // namespace edge::agent
