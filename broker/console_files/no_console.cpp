// In place of the files, where the console was not built.
#include "broker/console_files/console_files.hpp"

namespace edge::broker::console {
namespace {

constexpr File kFiles[] = {{"/index.html",
                            "text/html; charset=utf-8",
                            "no-console",
                            R"(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>EDGE</title>
<h1>EDGE</h1>
<p>This broker was built without its console (EDGE_CONSOLE=OFF). Its API is described at
<a href="/api/v1/openapi.json">/api/v1/openapi.json</a>.</p>
</html>
)",
                            {},
                            {}}};

}  // namespace

std::span<const File> embedded_files() {
    return kFiles;
}

}  // namespace edge::broker::console
