// Settings of the host that are the operator's to change, and that probes or lines suffer from.
#pragma once
#include <spdlog/logger.h>

#include <set>
#include <string>

#include "agent/launcher/lines/lines.hpp"

namespace edge::launcher {

/// Does a device answer ARP for the addresses of others? By the texts of net.ipv4.conf.DEVICE.arp_ignore, its own and
/// that of `all`; empty: it is not there. Pure.
bool answers_for_others(const std::string& own, const std::string& all);

/// Once in each network namespace. The workers' groups: `gids` of them from `gid_base` on.
void warn_about_ping(const Lines& lines, std::uint64_t gid_base, std::uint64_t gids, spdlog::logger& log);
/// Of each macvlan's parent once, and again when it was right in between. `warned`: the lines that this was said of.
void warn_about_arp(const Lines& lines, std::set<std::string>& warned, spdlog::logger& log);

}  // namespace edge::launcher
