#include "cli/commands/describe.hpp"
#include "cli/commands/things.hpp"
#include "cli/run/follow_run.hpp"
#include "cli/run/watch_run.hpp"
#include "cli/show/figures.hpp"
#include "cli/show/line_table.hpp"
#include "cli/show/sheet.hpp"

namespace edge::cli {
namespace {

void put_evidence(Sheet& sheet, const ProbeResult& result) {
    const Evidence& e = result.evidence;
    if (e.verified) {
        sheet.item("evidence", "verified", Tone::good);
    } else {
        sheet.item("evidence", printable("not verified: " + e.mismatch_reason),
                   e.src_addr.empty() ? Tone::dim : Tone::bad);
    }
    const auto end = [](const std::string& address, std::uint16_t port) {
        if (address.empty()) return std::string();
        const std::string host = address.find(':') == std::string::npos ? address : "[" + address + "]";
        return port == 0 ? address : host + ":" + std::to_string(port);
    };
    if (!e.src_addr.empty())
        sheet.item("socket", printable(end(e.src_addr, e.src_port) + " -> " + end(e.dst_addr, e.dst_port)));
    sheet.item("device", printable(e.ifname) + ", index " + std::to_string(e.ifindex) + ", mark " + hex_text(e.fwmark) +
                             ", table " + std::to_string(e.table));
    if (e.route_get) {
        const RouteGet& r = *e.route_get;
        sheet.item("kernel says", printable(!r.error.empty() ? r.error
                                                             : r.oif + (r.gw.empty() ? " on-link" : " via " + r.gw) +
                                                                   (r.prefsrc.empty() ? "" : " from " + r.prefsrc) +
                                                                   ", table " + std::to_string(r.table)));
    }
    sheet.item("enforced by", level_text(std::string(enum_text(e.enforced_by))));
}

void put_detail(Sheet& sheet, const ProbeResult& result) {
    if (result.service == "dns") {
        if (const auto detail = decode<DnsDetail>(result.detail, UnknownFields::ignore)) {
            for (const auto& r : detail.value().answer)
                sheet.item("answer", printable(r.name + " " + std::to_string(r.ttl) + " " + r.type + " " + r.rdata));
        }
    }
    if (result.service == "http") {
        if (const auto detail = decode<HttpDetail>(result.detail, UnknownFields::ignore)) {
            for (const auto& hop : detail.value().hops) {
                sheet.item("hop", printable(std::to_string(hop.status) + " " + hop.url + " at " + hop.peer + ", " +
                                            hop.protocol));
                if (hop.tls)
                    sheet.item("tls",
                               printable(hop.tls->version + ", " + hop.tls->subject + ", until " + hop.tls->not_after +
                                         (hop.tls->verified ? "" : ", NOT trusted: " + hop.tls->verify_error)));
            }
        }
    }
    if (result.service == "ping") {
        if (const auto detail = decode<PingDetail>(result.detail, UnknownFields::ignore);
            detail && detail.value().sent > 0) {
            const auto& d = detail.value();
            sheet.item("replies", std::to_string(d.rcvd) + " of " + std::to_string(d.sent) +
                                      (d.dup > 0 ? ", " + std::to_string(d.dup) + " duplicates" : ""));
            if (d.avg_us) {
                sheet.item("round trip", "min " + duration_text(d.min_us.value_or(0)) + ", avg " +
                                             duration_text(*d.avg_us) + ", max " + duration_text(d.max_us.value_or(0)) +
                                             ", mdev " + duration_text(d.mdev_us.value_or(0)));
            }
        }
    }
}

void put_row(Sheet& sheet, const Row& row, bool is_numbered) {
    const auto outcome = outcome_of(row);
    sheet.line("");
    sheet.title(printable(row.task.line.name + " (" + row.task.line.carrier + ") of " + row.task.node.name) +
                (is_numbered ? ", task " + std::to_string(row.number) : ""));
    sheet.item("status", printable(outcome), tone_of(outcome));
    if (!row.result) return;
    const ProbeResult& result = *row.result;
    if (result.failure) sheet.item("failure", printable(failure_text(*result.failure)), Tone::bad);
    sheet.item("took", duration_text(result.summary.duration_us) + ", queued " + duration_text(result.queued_us) +
                           (result.attempt > 1 ? ", attempt " + std::to_string(result.attempt) : ""));
    if (result.summary.code) sheet.item("code", printable(*result.summary.code));
    put_detail(sheet, result);
    put_evidence(sheet, result);
    sheet.item("result", printable(result.id));
}

/// The run as the API has it, and its results so far.
std::string with_results(const RunState& state) {
    Json run = encode(state.run());
    run.erase("tasks_list");
    std::string text = printable_json(dump_json(run));
    text.pop_back();
    text += ",\"results\":[";
    const char* separator = "\n  ";
    for (const auto& row : state.rows()) {
        if (row.result) text += std::exchange(separator, ",\n  ") + printable_json(row.raw);
    }
    return text + "]}\n";
}

}  // namespace

Answer<ExitCode> describe_run(const DescribeCommand& command, Client& client, const Screen& screen) {
    if (const auto other = no_run(command.id, client)) return *other;
    if (command.follow) return follow(command.id, command.timeout, command.fail_on, command.format, client, screen);
    RunState state;
    EDGE_TRY(fetch_run(client, command.id, state));
    const ExitCode exit = state.is_finished() ? exit_of(state, command.fail_on, Asked::afterwards) : ExitCode::ok;
    if (command.format == Format::json) {
        screen.print(with_results(state));
        return exit;
    }
    if (command.format == Format::jsonl) {
        make_run_view(command.format, screen)->finish(state);
        return exit;
    }
    const Run& run = state.run();
    Sheet sheet(screen.out_style);
    sheet.title(printable(run.service + " " + run.target + (run.recovered ? "" : " from " + run.selector)));
    sheet.item("run", printable(run.id));
    sheet.item(
        "state",
        printable(run.state) + (state.is_finished() ? "" : "; edgectl describe run " + printable(run.id) + " --follow"),
        state.is_finished() ? Tone::plain : Tone::busy);
    if (run.recovered)
        sheet.item("recovered",
                   "made of the results that nodes sent again after the broker was restored from a backup");
    sheet.item("began", printable(run.created_at));
    sheet.item("ended", printable(run.finished_at.value_or("")));
    sheet.item("lines", summary_line(state));
    if (is_told_by_line(state)) {
        sheet.item("results", "edgectl describe run " + printable(run.id) + " -o jsonl");
        sheet.line("");
        const Detail detail = command.format == Format::wide ? Detail::wide : Detail::normal;
        for (const auto& line : lines_of(line_table(state, detail), screen.width(), screen.out_style)) sheet.line(line);
    } else {
        for (const auto& row : state.rows()) put_row(sheet, row, state.repeats());
    }
    screen.print(sheet.text());
    return exit;
}

}  // namespace edge::cli
