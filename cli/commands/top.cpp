#include <chrono>

#include "cli/commands/things.hpp"
#include "cli/show/figures.hpp"
#include "cli/show/live_area.hpp"
#include "cli/show/table.hpp"
#include "cli/syntax.hpp"

namespace edge::cli {
namespace {

constexpr std::chrono::seconds kPaintAgain{5};  // nodes tell once a minute, each at its own second

std::string bytes_at(const Json& object, const char* key) {
    const auto bytes = number_at(object, key);
    return bytes ? bytes_text(*bytes) : std::string();
}

/// Permille as a share; nothing where the node does not say.
std::string permille_at(const Json& object, const char* key) {
    const auto permille = number_at(object, key);
    return permille ? percent_text(static_cast<double>(*permille) / 10.0) : std::string();
}

std::string plain_at(const Json& object, const char* key) {
    const auto number = number_at(object, key);
    return number ? std::to_string(*number) : std::string();
}

Column name_column(const char* title, bool elastic = false) {
    return {.title = title, .align = Align::left, .elastic = elastic};
}
Column figure_column(const char* title, int spare = 0) {
    return {.title = title, .align = Align::right, .spare = spare};
}

Table nodes_table(const std::vector<Json>& items) {
    Table table{{name_column("NODE"), figure_column("SENT"), figure_column("RECEIVED"), figure_column("CPU", 1),
                 figure_column("LOAD", 5), figure_column("PRESSURE", 2), figure_column("FREE MEMORY", 3),
                 figure_column("FREE DISK", 4), figure_column("TOLD", 6), name_column("BUSY", true)},
                {}};
    for (const auto& item : items) {
        const Json& host = member(item, "host");
        const auto load = number_at(host, "load_permille");
        table.rows.push_back({{printable(text_at(member(item, "node"), "name"))},
                              {bytes_at(item, "sent_bytes")},
                              {bytes_at(item, "received_bytes")},
                              {permille_at(host, "cpu_permille")},
                              {load ? std::to_string(*load / 1000) + "." + std::to_string(*load / 100 % 10) : ""},
                              {permille_at(host, "cpu_pressure_permille")},
                              {bytes_at(host, "memory_free_bytes")},
                              {bytes_at(host, "disk_free_bytes")},
                              {age_at(item, "told_at")},
                              {printable(text_at(host, "busy")), Tone::warn}});
    }
    return table;
}

Table lines_table(const std::vector<Json>& items) {
    Table table{{name_column("NODE"), name_column("LINE"), figure_column("SENT"), figure_column("RECEIVED"),
                 figure_column("PACKETS", 1), figure_column("TODAY"), figure_column("DENIED", 2),
                 figure_column("THROTTLED", 3), figure_column("TOLD", 4)},
                {}};
    for (const auto& item : items) {
        const auto packets =
            number_at(item, "sent_packets").value_or(0) + number_at(item, "received_packets").value_or(0);
        table.rows.push_back({{printable(text_at(member(item, "node"), "name"))},
                              {printable(text_at(item, "name"))},
                              {bytes_at(item, "sent_bytes")},
                              {bytes_at(item, "received_bytes")},
                              {std::to_string(packets)},
                              {bytes_at(item, "day_bytes")},
                              {plain_at(item, "denied")},
                              {plain_at(item, "throttled")},
                              {age_at(item, "told_at")}});
    }
    return table;
}

std::vector<std::string> painted(Kind kind, const std::vector<Json>& items, const Screen& screen) {
    const Table table = kind == Kind::nodes ? nodes_table(items) : lines_table(items);
    auto lines = lines_of(table, screen.width(), screen.out_style);
    if (items.empty()) lines = {"no node has told its usage yet; each does once a minute"};
    return lines;
}

}  // namespace

void TopCommand::add_to(Syntax& edgectl) {
    constexpr std::uint32_t kMost = 500;  // the broker's page
    const auto given = std::make_shared<TopCommand>();
    auto syntax = edgectl.add("top", "WHAT", "nodes or lines by what they used in their last minute");
    syntax.kind(given->kind, Kind::lines, "nodes or lines");
    syntax.word(
        "--sort", given->sort,
        {"bytes", "cpu", "day", "denied", "load", "memory", "packets", "pressure", "received", "sent", "throttled"},
        "bytes, sent or received; of nodes cpu, load, pressure, memory; of lines packets, denied, throttled, day");
    syntax.output(given->format, "table, wide, json or jsonl");
    syntax.number("--limit", given->limit, kMost, "at most so many; 50 without it");
    syntax.when_named([given, syntax]() -> Answer<Command> {
        if (!syntax.was_given("kind")) return usage("top what: nodes or lines?", "edgectl top nodes");
        return *given;
    });
}

Answer<ExitCode> TopCommand::carry_out(Client& client, const Screen& screen) const {
    std::string path = kind == Kind::nodes ? "/api/v1/usage/nodes" : "/api/v1/usage/lines";
    path += "?limit=" + std::to_string(limit.value_or(50));
    if (!sort.empty()) path += "&sort=" + sort;
    const auto fetch = [&]() -> Answer<std::vector<Json>> {
        EDGE_TRY(const auto page, client.get(path));
        const Json& items = member(page, "items");
        return items.is_array() ? items.get<std::vector<Json>>() : std::vector<Json>();
    };
    EDGE_TRY(auto items, fetch());
    if (format == Format::json || format == Format::jsonl) {
        screen.print(json_text(items, format));
        return ExitCode::ok;
    }
    if (!screen.can_paint) {
        for (const auto& line : painted(kind, items, screen)) screen.print(line + "\n");
        return ExitCode::ok;
    }
    LiveArea area(stdout);
    while (true) {
        auto lines = painted(kind, items, screen);
        const std::size_t rows = window_size(stdout).rows;
        if (rows > 1 && lines.size() >= rows) lines.resize(rows - 1);
        area.paint(lines);
        if (!client.sleep(kPaintAgain, {})) return ExitCode::ok;  // Ctrl-C is how one leaves
        EDGE_TRY(items, fetch());
    }
}

}  // namespace edge::cli
