#include "cli/show/probe_table.hpp"

#include <algorithm>
#include <map>
#include <numeric>

#include "cli/show/figures.hpp"

namespace edge::cli {
namespace {

template <class T>
T detail_of(const ProbeResult& result) {
    auto decoded = decode<T>(result.detail, UnknownFields::ignore);
    return decoded ? std::move(decoded.value()) : T{};
}

// ── what each service shows ──

std::vector<Column> ping_columns() {
    return {number_column("LOSS", 4, 1), number_column("MIN", 7, 4), number_column("AVG", 7),
            number_column("MAX", 7, 4), text_column("ADDRESS", 11, 5, false, 15)};
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
    return {text_column("RCODE", 8, 1), number_column("TIME", 7), text_column("ANSWER", 0, 1, true, 15),
            text_column("SERVER", 0, 5, false, 15)};
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
    return {number_column("CODE", 4),       number_column("TOTAL", 7),           number_column("RESOLVE", 7, 6),
            number_column("CONNECT", 7, 5), number_column("TLS", 0, 5, 7),       number_column("FIRST BYTE", 7, 4),
            number_column("SIZE", 0, 7, 7), text_column("PEER", 0, 7, false, 19)};
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

/// What an end without a result means.
std::string end_text(std::string_view state) {
    if (state == "expired") return "its node did not begin it in time";
    if (state == "lost") return "its node did not answer in time; an answer that comes late still counts";
    return state == "canceled" ? "canceled before it began" : "";
}

Cell note_cell(const Row& row) {
    if (!row.result && has_ended(row)) return {end_text(row.task.state), Tone::bad};
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

std::string carrier_of(const Row& row) {
    return row.task.line.carrier.empty() ? row.task.line.name : row.task.line.carrier;
}

/// Indices of at most `most` rows, those of a line together if lines have several.
std::vector<std::size_t> shown_rows(const RunState& state, std::size_t most) {
    const auto& rows = state.rows();
    std::vector<std::size_t> order(rows.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (state.repeats()) {
        std::stable_sort(order.begin(), order.end(),
                         [&](std::size_t a, std::size_t b) { return rows[a].line < rows[b].line; });
    }
    order.resize(std::min(most, order.size()));
    return order;
}

}  // namespace

std::optional<std::uint64_t> figure_of(const ProbeResult& result) {
    if (result.service == "http") return result.summary.duration_us;
    return result.summary.rtt_us;
}

std::vector<Column> wide_columns() {
    return {text_column("FROM", 0, 1, false, 15),  text_column("DEVICE", 0, 2, false, 8),
            text_column("MARK", 0, 6, false, 5),   text_column("TABLE", 0, 6),
            text_column("ROUTE", 0, 3, false, 26), text_column("BY", 0, 4, false, 9)};
}

std::vector<Cell> wide_cells(const Evidence& evidence) {
    return {{printable(evidence.src_addr)},
            {printable(evidence.ifname)},
            {evidence.fwmark ? hex_text(evidence.fwmark) : ""},
            {evidence.table ? std::to_string(evidence.table) : ""},
            {route_text(evidence)},
            {level_text(std::string(enum_text(evidence.enforced_by)))}};
}

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

Table probe_table(const RunState& state, Detail detail, std::size_t most) {
    Table table;
    table.columns = {text_column("NODE", 4, 1), text_column("LINE", 4), text_column("CARRIER", 0, 2),
                     number_column("#", 0), text_column("STATUS", 7)};
    for (auto& column : columns_of(state.run().service)) table.columns.push_back(column);
    table.columns.push_back(text_column("EVIDENCE", 8));
    if (detail == Detail::wide) {
        for (auto& column : wide_columns()) table.columns.push_back(column);
    }
    table.columns.push_back(text_column("NOTE", 0, 0, true));
    for (const std::size_t at : shown_rows(state, most))
        table.rows.push_back(probe_cells(state, state.rows()[at], detail));
    return table;
}

std::vector<Cell> probe_cells(const RunState& state, const Row& row, Detail detail) {
    const std::string& service = state.run().service;
    const std::string_view outcome = outcome_of(row);
    std::vector<Cell> cells{{printable(row.task.node.name)},
                            {printable(row.task.line.name)},
                            {printable(row.task.line.carrier)},
                            {state.repeats() ? std::to_string(row.number) : "", Tone::dim},
                            {printable(outcome), tone_of(outcome)}};
    if (row.result) {
        for (auto& cell : cells_of(service, *row.result)) cells.push_back(std::move(cell));
        cells.push_back(evidence_cell(*row.result));
        if (detail == Detail::wide) {
            for (auto& cell : wide_cells(row.result->evidence)) cells.push_back(std::move(cell));
        }
    } else {
        const std::size_t wide = detail == Detail::wide ? wide_columns().size() : 0;
        cells.resize(cells.size() + columns_of(service).size() + 1 + wide);
    }
    cells.push_back(note_cell(row));
    return cells;
}

std::string summary_line(const RunState& state) {
    struct Carrier {
        std::uint64_t sum_us = 0;
        std::uint64_t measured = 0;
        std::size_t failed = 0;
        std::size_t expired = 0;
        std::size_t canceled = 0;
        std::size_t waiting = 0;
    };
    std::map<std::string, Carrier> carriers;
    std::vector<std::string> order;
    std::size_t good = 0;
    std::size_t partial = 0;
    std::uint64_t total_us = 0;
    for (const auto& row : state.rows()) {
        const std::string name = carrier_of(row);
        if (!carriers.contains(name)) order.push_back(name);
        Carrier& carrier = carriers[name];
        const auto outcome = outcome_of(row);
        carrier.failed += has_failed(row) ? 1u : 0u;
        carrier.expired += outcome == "expired" ? 1u : 0u;
        carrier.canceled += outcome == "canceled" ? 1u : 0u;
        carrier.waiting += has_ended(row) ? 0u : 1u;
        partial += outcome == "partial" ? 1u : 0u;
        good += outcome == "ok" ? 1u : 0u;
        if (!row.result) continue;
        total_us = std::max(total_us, row.result->queued_us + row.result->summary.duration_us);
        if (const auto figure = figure_of(*row.result); figure && has_answered(row)) {
            carrier.sum_us += *figure;
            ++carrier.measured;
        }
    }
    std::string text = std::to_string(good) + " of " + std::to_string(state.rows().size()) + " ok";
    if (partial > 0) text += ", " + std::to_string(partial) + " partial";
    std::string separator = ": ";
    for (const auto& name : order) {
        const Carrier& carrier = carriers[name];
        std::string part;
        if (carrier.measured > 0) part += " " + duration_text(carrier.sum_us / carrier.measured);
        for (const auto& [count, what] : {std::pair{carrier.failed, " failed"},
                                          {carrier.expired, " expired"},
                                          {carrier.canceled, " canceled"},
                                          {carrier.waiting, " to come"}})
            if (count > 0) part += (part.empty() ? " " : ", ") + std::to_string(count) + what;
        text += std::exchange(separator, " · ") + printable(name) + part;
    }
    return text;
}

}  // namespace edge::cli
