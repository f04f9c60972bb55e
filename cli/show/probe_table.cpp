#include "cli/show/probe_table.hpp"

#include <algorithm>
#include <map>

#include "cli/show/figures.hpp"

namespace edge::cli {
namespace {

Column text_column(const char* title, std::size_t typical, int spare = 0, bool elastic = false) {
    return {.title = title, .align = Align::left, .spare = spare, .elastic = elastic, .typical = typical};
}
Column number_column(const char* title, std::size_t typical, int spare = 0) {
    return {.title = title, .align = Align::right, .spare = spare, .elastic = false, .typical = typical};
}

template <class T>
T detail_of(const ProbeResult& result) {
    auto decoded = decode<T>(result.detail, UnknownFields::ignore);
    return decoded ? std::move(decoded.value()) : T{};
}

Cell time_cell(const std::optional<std::uint64_t>& us, Tone tone = Tone::plain) {
    return us ? Cell{duration_text(*us), tone} : Cell{};
}

// ── what each service shows ──

std::vector<Column> ping_columns() {
    return {number_column("LOSS", 4), number_column("MIN", 7, 4), number_column("AVG", 7), number_column("MAX", 7, 4),
            text_column("ADDRESS", 11, 5)};
}

std::vector<Cell> ping_cells(const ProbeResult& result) {
    const auto detail = detail_of<PingDetail>(result);
    const double loss = result.summary.loss.value_or(detail.loss_percent);
    const bool has_loss = result.summary.loss || detail.sent > 0;
    return {has_loss ? Cell{percent_text(loss), loss > 0 ? Tone::warn : Tone::plain} : Cell{}, time_cell(detail.min_us),
            time_cell(result.summary.rtt_us), time_cell(detail.max_us),
            Cell{printable(!result.evidence.dst_addr.empty() ? result.evidence.dst_addr : detail.dst_addr)}};
}

std::vector<Column> dns_columns() {
    return {text_column("RCODE", 8), number_column("TIME", 7), text_column("ANSWER", 0, 0, true),
            text_column("SERVER", 0, 5)};
}

std::vector<Cell> dns_cells(const ProbeResult& result) {
    const auto detail = detail_of<DnsDetail>(result);
    const std::string rcode = result.summary.code.value_or("");
    std::string answer;
    for (const auto& record : detail.answer) {
        if (!answer.empty()) answer += ", ";
        answer +=
            (detail.question.empty() || record.type == detail.question[0].type ? "" : record.type + " ") + record.rdata;
    }
    return {Cell{printable(rcode), rcode == "NOERROR" ? Tone::plain : Tone::warn}, time_cell(result.summary.rtt_us),
            Cell{printable(answer)}, Cell{printable(detail.server)}};
}

std::vector<Column> http_columns() {
    return {number_column("CODE", 4),       number_column("TOTAL", 7),  number_column("RESOLVE", 7, 6),
            number_column("CONNECT", 7, 5), number_column("TLS", 0, 5), number_column("FIRST BYTE", 7, 4),
            number_column("SIZE", 0, 7),    text_column("PEER", 0, 7)};
}

std::vector<Cell> http_cells(const ProbeResult& result) {
    const auto detail = detail_of<HttpDetail>(result);
    const HttpHop last = detail.hops.empty() ? HttpHop{} : detail.hops.back();
    const std::string code = result.summary.code.value_or("");
    const bool is_good = code.starts_with('2') || code.starts_with('3');
    return {Cell{printable(code), is_good ? Tone::plain : Tone::warn},
            Cell{duration_text(result.summary.duration_us)},
            time_cell(last.timings.resolve_us),
            time_cell(last.timings.connect_us),
            time_cell(last.timings.tls_us),
            time_cell(last.timings.first_byte_us),
            result.summary.bytes ? Cell{bytes_text(*result.summary.bytes)} : Cell{},
            Cell{printable(last.peer)}};
}

std::vector<Column> columns_of(const std::string& service) {
    if (service == "ping") return ping_columns();
    if (service == "dns") return dns_columns();
    if (service == "http") return http_columns();
    return {number_column("TIME", 7)};
}

std::vector<Cell> cells_of(const std::string& service, const ProbeResult& result) {
    if (service == "ping") return ping_cells(result);
    if (service == "dns") return dns_cells(result);
    if (service == "http") return http_cells(result);
    return {Cell{duration_text(result.summary.duration_us)}};
}

// ── what all of them show ──

/// What the last progress said, short.
std::string progress_text(const Row& row) {
    const Json& data = row.progress;
    const auto number_of = [](const Json& json, const char* key) {
        const auto at = json.find(key);
        return at != json.end() && at->is_number_unsigned() ? std::optional(at->get<std::uint64_t>()) : std::nullopt;
    };
    const auto text_of = [](const Json& json, const char* key) {
        const auto at = json.find(key);
        return at != json.end() && at->is_string() ? at->get<std::string>() : std::string();
    };
    if (!data.is_object()) return {};
    if (const auto reply = data.find("reply"); reply != data.end() && reply->is_object()) {
        const auto rtt = number_of(*reply, "rtt_us");
        return "reply " + std::to_string(row.progress_count) + (rtt ? ", " + duration_text(*rtt) : ", lost");
    }
    if (const auto attempt = data.find("try"); attempt != data.end() && attempt->is_object()) {
        return "asking " + printable(text_of(*attempt, "server")) + " by " + printable(text_of(*attempt, "transport"));
    }
    if (const auto phase = data.find("phase"); phase != data.end() && phase->is_object()) {
        const auto us = number_of(*phase, "us");
        return printable(text_of(*phase, "name")) + (us ? " " + duration_text(*us) : "");
    }
    return {};
}

Cell evidence_cell(const ProbeResult& result) {
    if (result.evidence.verified) return {"verified", Tone::good};
    if (result.evidence.src_addr.empty()) return {"no socket", Tone::dim};
    return {"UNVERIFIED", Tone::bad};
}

Cell note_cell(const Row& row) {
    if (!row.result) return {progress_text(row), Tone::dim};
    const auto& result = *row.result;
    if (result.failure) return {printable(failure_text(*result.failure)), tone_of(result.status)};
    if (!result.evidence.verified) return {printable(result.evidence.mismatch_reason), Tone::bad};
    return {};
}

std::string route_text(const Evidence& evidence) {
    if (!evidence.route_get) return {};
    const RouteGet& route = *evidence.route_get;
    if (!route.error.empty()) return printable(route.error);
    return printable(route.gw.empty() ? "on-link " + route.oif : "via " + route.gw + " " + route.oif);
}

void add_wide(std::vector<Cell>& cells, const ProbeResult& result) {
    const Evidence& evidence = result.evidence;
    cells.push_back({printable(evidence.src_addr)});
    cells.push_back({printable(evidence.ifname)});
    cells.push_back({evidence.fwmark ? hex_text(evidence.fwmark) : ""});
    cells.push_back({evidence.table ? std::to_string(evidence.table) : ""});
    cells.push_back({route_text(evidence)});
    cells.push_back({std::string(enum_text(evidence.enforced_by))});
}

std::string carrier_of(const Row& row) {
    return row.task.line.carrier.empty() ? row.task.line.name : row.task.line.carrier;
}

/// What a carrier's lines are compared by: round trip, answer or page.
std::optional<std::uint64_t> figure_of(const ProbeResult& result) {
    if (result.service == "http") return result.summary.duration_us;
    return result.summary.rtt_us;
}

}  // namespace

Tone tone_of(std::string_view outcome) {
    if (outcome == "ok") return Tone::good;
    if (outcome == "partial") return Tone::warn;
    if (outcome == "queued") return Tone::dim;
    if (outcome == "sent" || outcome == "running" || outcome == "unknown") return Tone::busy;
    return Tone::bad;
}

std::string failure_text(const Failure& failure) {
    const std::string where = std::string(enum_text(failure.source)) + ", " + failure.phase;
    if (failure.text.empty()) return failure.code + " (" + where + ")";
    return failure.text + " (" + where + (failure.code.empty() ? "" : ", " + failure.code) + ")";
}

Table probe_table(const RunState& state, Detail detail) {
    Table table;
    const std::string& service = state.run().service;
    table.columns = {text_column("NODE", 4), text_column("LINE", 4), text_column("CARRIER", 0, 2),
                     text_column("STATUS", 7)};
    for (auto& column : columns_of(service)) table.columns.push_back(column);
    table.columns.push_back(text_column("EVIDENCE", 8));
    if (detail == Detail::wide) {
        const std::pair<const char*, int> columns[] = {{"FROM", 1},  {"DEVICE", 2}, {"MARK", 6},
                                                       {"TABLE", 6}, {"ROUTE", 3},  {"BY", 4}};
        for (const auto& [title, spare] : columns) table.columns.push_back(text_column(title, 0, spare));
    }
    table.columns.push_back(text_column("NOTE", 0, 0, true));
    for (const auto& row : state.rows()) table.rows.push_back(probe_cells(service, row, detail));
    return table;
}

std::vector<Cell> probe_cells(const std::string& service, const Row& row, Detail detail) {
    const std::string_view outcome = outcome_of(row);
    std::vector<Cell> cells{{printable(row.task.node.name)},
                            {printable(row.task.line.name)},
                            {printable(row.task.line.carrier)},
                            {printable(outcome), tone_of(outcome)}};
    const std::size_t service_columns = columns_of(service).size();
    const std::size_t wide_columns = detail == Detail::wide ? 6 : 0;
    if (row.result) {
        for (auto& cell : cells_of(service, *row.result)) cells.push_back(std::move(cell));
        cells.push_back(evidence_cell(*row.result));
        if (detail == Detail::wide) add_wide(cells, *row.result);
    } else {
        cells.resize(cells.size() + service_columns + 1 + wide_columns);
    }
    cells.push_back(note_cell(row));
    return cells;
}

std::string summary_line(const RunState& state) {
    struct Carrier {
        std::uint64_t sum_us = 0;
        std::uint64_t measured = 0;
        std::size_t failed = 0;
        std::size_t waiting = 0;
    };
    std::map<std::string, Carrier> carriers;
    std::vector<std::string> order;
    std::size_t good = 0;
    std::uint64_t total_us = 0;
    for (const auto& row : state.rows()) {
        const std::string name = carrier_of(row);
        if (!carriers.contains(name)) order.push_back(name);
        Carrier& carrier = carriers[name];
        const bool failed = has_failed(row);
        carrier.failed += failed ? 1u : 0u;
        carrier.waiting += has_ended(row) ? 0u : 1u;
        good += has_ended(row) && !failed ? 1u : 0u;
        if (!row.result) continue;
        total_us = std::max(total_us, row.result->queued_us + row.result->summary.duration_us);
        if (const auto figure = figure_of(*row.result); figure && !failed) {
            carrier.sum_us += *figure;
            ++carrier.measured;
        }
    }
    std::string text = std::to_string(good) + " of " + std::to_string(state.rows().size()) + " ok";
    std::string separator = ": ";
    for (const auto& name : order) {
        const Carrier& carrier = carriers[name];
        std::string part;
        if (carrier.measured > 0) part += " " + duration_text(carrier.sum_us / carrier.measured);
        if (carrier.failed > 0) part += (part.empty() ? " " : ", ") + std::to_string(carrier.failed) + " failed";
        if (carrier.waiting > 0) part += (part.empty() ? " " : ", ") + std::to_string(carrier.waiting) + " to come";
        text += std::exchange(separator, " · ") + printable(name) + part;
    }
    return text;
}

}  // namespace edge::cli
