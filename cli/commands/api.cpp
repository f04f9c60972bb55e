#include "cli/api/client.hpp"
#include "cli/api/problem.hpp"
#include "cli/syntax.hpp"

namespace edge::cli {

void ApiCommand::add_to(Syntax& edgectl) {
    const auto words = std::make_shared<std::vector<std::string>>();
    auto syntax = edgectl.add("api", "[GET] PATH", "GET a path of the REST API as it is");
    syntax.texts("path", "[GET] PATH", *words, "as /api/v1/nodes");
    syntax.when_named([words]() -> Answer<Command> {
        const auto wrong = [](const std::string& what) {
            return usage("api: " + what, "edgectl api GET /api/v1/nodes");
        };
        if (words->empty()) return wrong("which path?");
        if (words->size() > 2) return wrong("\"" + words->at(2) + "\" is a word too many");
        if (words->size() == 2 && words->front() != "GET") return wrong("only GET is there, not " + words->front());
        if (!words->back().starts_with('/')) return wrong("a path begins with a slash");
        return ApiCommand{words->back()};
    });
}

Answer<ExitCode> ApiCommand::carry_out(Client& client, const Screen& screen) const {
    const auto reply = client.call({.path = path});
    if (!reply) return client.trouble(reply.error());
    if (reply.value().status >= 300) return trouble_of(reply.value().status, reply.value().body);
    const std::string& body = reply.value().body;
    screen.print(screen.out_is_terminal ? printable_json(body) : body);
    if (!body.empty() && body.back() != '\n') screen.print("\n");
    return ExitCode::ok;
}

}  // namespace edge::cli
