// The page for whoever owns the room: what EDGE has put on this machine, and the command that undoes each. Pure.
#pragma once
#include <string>
#include <vector>

#include "agent/site_report/site_facts.hpp"

namespace edge::agent {

enum class Language { en, zh };

/// `ip [-6] rule del …` of a line of `ip rule show`, `ip [-6] route del …` of one of `ip route show table all`; empty
/// where the line is none.
std::string undo_of_rule(const std::string& line, bool v6);
std::string undo_of_route(const std::string& line, bool v6);

std::string undo_of(const SiteFile& file, const SiteFacts& facts);

/// Ends both programs, by systemd where that started them; empty where none runs.
std::string stop_command(const SiteFacts& facts);
/// Takes ping sockets back from the workers' groups; empty: nothing was given to them.
std::string undo_of_ping(const SiteFacts& facts, const SiteSpace& space);
std::string undo_of_arp(const std::string& device);
/// Takes away what a launcher that was killed left.
std::string cleanup_command(const SiteFacts& facts);
/// All commands that leave nothing of EDGE's, in their order; a comment divides an ordinary user's from root's.
std::vector<std::string> removal_commands(const SiteFacts& facts);

/// Markdown.
std::string site_page(const SiteFacts& facts, Language language);

}  // namespace edge::agent
