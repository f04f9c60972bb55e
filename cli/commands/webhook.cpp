#include "cli/commands/things.hpp"
#include "cli/commands/webhook_listen.hpp"
#include "cli/show/sheet.hpp"
#include "cli/show/table.hpp"
#include "cli/syntax.hpp"

namespace edge::cli {
namespace {

using Act = WebhookCommand::Act;

constexpr std::uint32_t kDeliveriesShown = 50;
constexpr std::uint32_t kMostDeliveries = 100'000;
constexpr std::size_t kMostShown = 4'096;  // of a message
constexpr const char* kHooks = "/api/v1/webhooks";

bool is_json(Format format) {
    return format == Format::json || format == Format::jsonl;
}

Tone tone_of_delivery(const std::string& state) {
    return state == "delivered" ? Tone::good : state == "failed" ? Tone::bad : Tone::busy;
}

/// Failing is what is enabled and has a time since when no attempt has succeeded.
Cell standing_of(const Json& webhook) {
    if (!webhook.value("enabled", false)) return {"disabled", Tone::bad};
    return text_at(webhook, "failing_since").empty() ? Cell{"enabled", Tone::good} : Cell{"failing", Tone::warn};
}

ExitCode print_json(const Json& json, const Screen& screen) {
    screen.print(printable_json(dump_json(json)) + "\n");
    return ExitCode::ok;
}

void print_table(const Table& table, const Screen& screen) {
    for (const auto& line : lines_of(table, screen.width(), screen.out_style)) screen.print(line + "\n");
}

Answer<ExitCode> create(const WebhookCommand& it, Client& client, const Screen& screen) {
    Json body = {{"url", it.url}};
    if (!it.events.empty()) body["events"] = it.events;
    if (!it.selector.empty()) body["selector"] = it.selector;
    if (!it.description.empty()) body["description"] = it.description;
    EDGE_TRY(const auto made, asked(client, "POST", kHooks, 201, body));
    if (is_json(it.format)) return print_json(made, screen);
    screen.say("webhook " + printable(text_at(made, "id")) + "; its secret is shown this once");
    screen.print(printable(text_at(made, "secret")) + "\n");
    return ExitCode::ok;
}

Answer<ExitCode> list(const WebhookCommand& it, Client& client, const Screen& screen) {
    EDGE_TRY(const auto items, client.list(kHooks, 1'000));
    if (is_json(it.format)) {
        screen.print(json_text(items, it.format));
        return ExitCode::ok;
    }
    if (items.empty()) screen.say("there is no webhook; edgectl webhook create URL");
    Table table{{text_column("WEBHOOK", 0), text_column("STATE", 0), text_column("URL", 0, 0, true),
                 text_column("EVENTS", 0, 2, true), text_column("SELECTOR", 0, 3, true), text_column("FAILING", 0, 1)},
                {}};
    for (const Json& item : items) {
        table.rows.push_back({{printable(text_at(item, "id"))},
                              standing_of(item),
                              {printable(text_at(item, "url"))},
                              {printable(list_at(item, "events"))},
                              {printable(text_at(item, "selector"))},
                              {age_at(item, "failing_since"), Tone::warn}});
    }
    if (!items.empty()) print_table(table, screen);
    return ExitCode::ok;
}

Answer<ExitCode> deliveries(const WebhookCommand& it, Client& client, const Screen& screen) {
    const std::string query = it.state.empty() ? "" : "?state=" + percent_encoded(it.state);
    const std::size_t most = it.limit.value_or(kDeliveriesShown);
    EDGE_TRY(auto items,
             client.list(std::string(kHooks) + "/" + percent_encoded(it.id) + "/deliveries" + query, most + 1));
    if (items.size() > most) {
        items.resize(most);
        screen.say(std::to_string(most) + " shown, there are more; --limit takes up to 100000");
    }
    if (is_json(it.format)) {
        screen.print(json_text(items, it.format));
        return ExitCode::ok;
    }
    if (items.empty()) screen.say(it.state.empty() ? "nothing was to be sent to it yet" : "there is no such delivery");
    Table table{{text_column("DELIVERY", 0), text_column("STATE", 0), text_column("TYPE", 0, 0, true),
                 number_column("ATTEMPTS", 0, 1), number_column("STATUS", 0, 2), number_column("AGE", 0, 3),
                 text_column("SUBJECT", 0, 4, true), text_column("ERROR", 0, 0, true)},
                {}};
    for (const Json& item : items) {
        const std::string state = text_at(item, "state");
        const auto status = number_at(item, "last_status");
        table.rows.push_back({{printable(text_at(item, "id"))},
                              {printable(state), tone_of_delivery(state)},
                              {printable(text_at(item, "type"))},
                              {std::to_string(number_at(item, "attempts").value_or(0))},
                              {status ? std::to_string(*status) : ""},
                              {age_at(item, "created_at")},
                              {printable(text_at(item, "subject"))},
                              {printable(text_at(item, "last_error"))}});
    }
    if (!items.empty()) print_table(table, screen);
    return ExitCode::ok;
}

/// What was sent, as far as a terminal is for it; `-o json` has all of it.
void put_message(Sheet& sheet, const Json& message) {
    if (message.is_null()) return;
    const std::string text = printable(dump_json(message));
    sheet.item("message", text.size() <= kMostShown ? text : cut(text, kMostShown) + " (cut; -o json has all of it)");
}

void describe_delivery(const Json& it, const Screen& screen) {
    Sheet sheet(screen.out_style);
    const std::string state = text_at(it, "state");
    sheet.title(printable(text_at(it, "id")));
    sheet.item("state", printable(state), tone_of_delivery(state));
    for (const char* key : {"type", "subject", "webhook_id", "message_id"})
        sheet.item(key, printable(text_at(it, key)));
    sheet.item("made", time_and_age(it, "created_at"));
    sheet.item("next", printable(text_at(it, "next_attempt_at")));
    for (const Json& attempt : member(it, "attempt_list")) {
        const auto status = number_at(attempt, "status");
        const std::string error = text_at(attempt, "error");
        sheet.item("attempt " + std::to_string(number_at(attempt, "attempt").value_or(0)),
                   printable(text_at(attempt, "at")) + "  " + (status ? std::to_string(*status) : "-") + "  " +
                       duration_at(member(attempt, "times"), "total_us") + "  " + printable(text_at(attempt, "peer")) +
                       "  " + printable(error),
                   error.empty() ? Tone::good : Tone::bad);
    }
    put_message(sheet, member(it, "message"));
    screen.print(sheet.text());
}

void describe_webhook(const Json& it, const Screen& screen) {
    Sheet sheet(screen.out_style);
    const Cell standing = standing_of(it);
    sheet.title(printable(text_at(it, "id")));
    sheet.item("url", printable(text_at(it, "url")));
    sheet.item("state", standing.text, standing.tone);
    sheet.item("why", printable(text_at(it, "disabled_reason")), Tone::warn);
    sheet.item("about", printable(text_at(it, "description")));
    const std::string events = list_at(it, "events"), selector = text_at(it, "selector");
    sheet.item("events", events.empty() ? "all" : printable(events));
    sheet.item("selector", selector.empty() ? "all" : printable(selector));
    sheet.item("made", time_and_age(it, "created_at"));
    sheet.item("failing", time_and_age(it, "failing_since"), Tone::warn);
    sheet.item("old secret", printable(text_at(it, "old_secret_until")));
    screen.print(sheet.text());
}

Answer<ExitCode> describe(const WebhookCommand& it, Client& client, const Screen& screen) {
    const bool of_delivery = it.id.starts_with("dlv_");
    EDGE_TRY(const auto json,
             client.get((of_delivery ? "/api/v1/deliveries/" : "/api/v1/webhooks/") + percent_encoded(it.id)));
    if (is_json(it.format)) return print_json(json, screen);
    of_delivery ? describe_delivery(json, screen) : describe_webhook(json, screen);
    return ExitCode::ok;
}

Answer<ExitCode> replay(const WebhookCommand& it, Client& client, const Screen& screen) {
    const bool of_delivery = it.id.starts_with("dlv_");
    const std::string path =
        (of_delivery ? "/api/v1/deliveries/" : "/api/v1/webhooks/") + percent_encoded(it.id) + "/replay";
    EDGE_TRY(const auto json, asked(client, "POST", path, 202, it.state.empty() ? Json() : Json{{"state", it.state}}));
    if (is_json(it.format)) return print_json(json, screen);
    if (of_delivery)
        screen.say("it is tried once more; edgectl webhook describe " + printable(it.id) + " says how it went");
    else if (const auto many = number_at(json, "replayed").value_or(0); many > 0)
        screen.say("tried once more: " + std::to_string(many));
    else
        screen.say(it.state.empty() ? "nothing has failed; --state delivered sends once more what arrived"
                                    : "there is no such delivery");
    return ExitCode::ok;
}

Answer<ExitCode> act_on(const WebhookCommand& it, Client& client, const Screen& screen) {
    const std::string path = std::string(kHooks) + "/" + percent_encoded(it.id);
    if (it.act == Act::remove) {
        EDGE_TRY(asked(client, "DELETE", path, 204));
        screen.say("removed " + printable(it.id));
        return ExitCode::ok;
    }
    if (it.act == Act::enable || it.act == Act::disable) {
        const bool on = it.act == Act::enable;
        EDGE_TRY(const auto json, asked(client, "PATCH", path, 200, {{"enabled", on}}));
        if (is_json(it.format)) return print_json(json, screen);
        screen.say(on ? "enabled; what waits is sent, and edgectl webhook replay " + printable(it.id) +
                            " tries what failed once more"
                      : "disabled; what happens meanwhile is not told to it");
        return ExitCode::ok;
    }
    const bool is_test = it.act == Act::test;
    EDGE_TRY(const auto json,
             asked(client, "POST", path + (is_test ? "/test" : "/rotate-secret"), is_test ? 202 : 200));
    if (is_json(it.format)) return print_json(json, screen);
    screen.say(is_test ? "a test message is on its way, tried once; how it went: edgectl webhook describe " +
                             printable(text_at(json, "id"))
                       : "the new secret, shown this once; the one before is good until " +
                             printable(text_at(json, "old_secret_until")));
    screen.print(printable(text_at(json, is_test ? "id" : "secret")) + "\n");
    return ExitCode::ok;
}

struct Word {
    Act act;
    const char* name;
    const char* takes;
    const char* help;
    const char* needs;  // its place, or nothing
};
constexpr Word kWords[] = {
    {Act::create, "create", "URL", "tell a receiver what happens", "url"},
    {Act::list, "list", "", "all of them", nullptr},
    {Act::describe, "describe", "ID", "a webhook, or a delivery with every attempt", "id"},
    {Act::enable, "enable", "WEBHOOK", "tell it again, after it was disabled", "id"},
    {Act::disable, "disable", "WEBHOOK", "tell it nothing until it is enabled", "id"},
    {Act::rotate, "rotate", "WEBHOOK", "a new secret; the one before stays good for a day", "id"},
    {Act::test, "test", "WEBHOOK", "send it a test message", "id"},
    {Act::replay, "replay", "ID", "try a delivery once more, or all that failed of a webhook", "id"},
    {Act::deliveries, "deliveries", "WEBHOOK", "what was sent to it, newest first", "id"},
    {Act::remove, "delete", "WEBHOOK", "remove it; nothing more is sent", "id"},
    {Act::listen, "listen", "", "receive here, verify and print, until Ctrl-C", nullptr},
};

void add_word(Syntax& webhook, const Word& word) {
    const auto given = std::make_shared<WebhookCommand>();
    given->act = word.act;
    auto syntax = webhook.add(word.name, word.takes, word.help);
    if (word.needs) syntax.text(word.needs, word.takes, word.act == Act::create ? given->url : given->id, "");
    if (word.act == Act::create || word.act == Act::listen) {
        syntax.texts("--event", "TYPE", given->events, "only these, as io.edge.result.v1; may stand more than once");
        syntax.text("--selector", "SELECTOR", given->selector, "only of these nodes and lines");
    }
    if (word.act == Act::create) syntax.text("--description", "TEXT", given->description, "what it is for");
    if (word.act == Act::deliveries || word.act == Act::replay)
        syntax.text("--state", "STATE", given->state, "pending, delivered or failed");
    if (word.act == Act::deliveries)
        syntax.number("--limit", given->limit, kMostDeliveries, "at most so many; without it the newest 50");
    syntax.output(given->format, "table or json");
    syntax.when_named([given, word]() -> Answer<Command> {
        const std::string& place = given->act == Act::create ? given->url : given->id;
        if (word.needs && place.empty())
            return usage(std::string("webhook ") + word.name + ": " + word.takes + " is missing",
                         "edgectl webhook list");
        return *given;
    });
}

}  // namespace

void WebhookCommand::add_to(Syntax& edgectl) {
    auto webhook = edgectl.add("webhook", "WHAT", "tell other programs by HTTP what happens");
    for (const Word& word : kWords) add_word(webhook, word);
    webhook.when_named([]() -> Answer<Command> {
        return usage(
            "webhook: create, list, describe, enable, disable, rotate, test, replay, deliveries, delete or listen",
            "edgectl webhook list");
    });
}

Answer<ExitCode> WebhookCommand::carry_out(Client& client, const Screen& screen) const {
    auto done = do_it(client, screen);
    if (done || done.error().exit != ExitCode::not_found) return done;
    Trouble trouble = done.error();
    trouble.next = "`edgectl webhook list` and `webhook deliveries WEBHOOK` show what there is";
    return trouble;
}

Answer<ExitCode> WebhookCommand::do_it(Client& client, const Screen& screen) const {
    switch (act) {
        case Act::create:
            return create(*this, client, screen);
        case Act::list:
            return list(*this, client, screen);
        case Act::describe:
            return describe(*this, client, screen);
        case Act::deliveries:
            return deliveries(*this, client, screen);
        case Act::replay:
            return replay(*this, client, screen);
        case Act::listen:
            return listen_for_webhooks(*this, client, screen);
        default:
            return act_on(*this, client, screen);
    }
}

}  // namespace edge::cli
