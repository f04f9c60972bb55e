// A receiver on loopback for as long as somebody looks: what came, and whether its signature holds.
#pragma once
#include "cli/api/client.hpp"
#include "cli/commands/commands.hpp"

namespace edge::cli {

/// Registers an endpoint for itself, prints each message as it comes, and removes the endpoint at Ctrl-C. The broker
/// must run on this machine and allow it: [webhooks] allow_http, allow 127.0.0.0/8, and any port.
Answer<ExitCode> listen_for_webhooks(const WebhookCommand& command, Client& client, const Screen& screen);

}  // namespace edge::cli
