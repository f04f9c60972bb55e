// A line, and the kernel's way from it, as the packets tell them. Pure.
#pragma once
#include "agent/launcher/config.hpp"
#include "agent/launcher/lines/network.hpp"
#include "protocol/launcher/messages.hpp"

namespace edge::launcher {

/// What its file and its device say of it; the rest is as it is in an empty LineInfo. `device`: null where it has none.
LineInfo line_info(const Line& line, const Device* device);

/// Adds the answer to what is known of the line. `devices`: of its network namespace, for the name.
void add_answer(const RouteAnswer& answer, const Devices& devices, Route& route);

}  // namespace edge::launcher
