// The program's commands, each answering its exit status after at most one line on stderr about why not.
#pragma once
#include <string>

namespace edge::agent {

int check_config(const std::string& config);
/// Of an agent that is stopped: a new key is made, and offered to the broker when it runs again.
int rotate_key(const std::string& config);
int run_agent(const std::string& config);
/// exit_ok, or exit_unwell when something failed. `as_json`: for a program.
int run_doctor(const std::string& config, bool as_json);
/// `language` is en or zh.
int report_site(const std::string& config, const std::string& language);

}  // namespace edge::agent
