#include "cli/spec_flags.hpp"

#include <CLI/CLI.hpp>
#include <charconv>
#include <map>
#include <vector>

#include "protocol/json/described.hpp"

namespace edge::cli {
namespace {

struct FlagText {
    std::string_view field;
    const char* also;  // a short name, or nothing
    const char* help;
};
constexpr FlagText kTexts[] = {
    {"family", "", "any, v4, v6 or v6_first; any takes the name's IPv4 address first"},
    {"count", "-c", "requests to send, 1 to 1000"},
    {"interval_ms", "-i", "between requests, 10 to 60000"},
    {"size", "-s", "payload bytes, 16 to 1400"},
    {"timeout_ms", "-W", ""},  // of what is each service's own
    {"type", "-t", "A, AAAA, CNAME, MX, NS, SOA, TXT, ... or TYPEnnn"},
    {"transport", "", "udp or tcp"},
    {"server", "", "address to ask; without it the line's own resolver"},
    {"port", "-p", "of the server"},
    {"rd", "", "ask for recursion; --no-rd does not"},
    {"udp_payload_size", "", "EDNS, 512 to 4096"},
    {"tries", "", "1 to 5"},
    {"method", "-X", "GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS"},
    {"headers", "-H", "\"Name: value\"; may stand more than once"},
    {"body", "-d", "of the request, at most 16 KiB"},
    {"version", "", "automatic, http1 or http2"},
    {"connect_to", "", "address to connect to in place of the host's"},
    {"verify", "", "check the server's certificate; --no-verify does not"},
    {"redirects", "-L", "followed at most, 0 to 10"},
    {"max_bytes", "", "of body read"},
    {"keep_body_bytes", "", "of body kept in the result, at most 65536"},
};

const char* help_of(const FlagText& text, Service service) {
    if (text.field != "timeout_ms") return text.help;
    if (service == Service::ping) return "wait for each reply";
    return service == Service::dns ? "wait for each try" : "wait for everything";
}

const FlagText& text_for(std::string_view field) {
    static constexpr FlagText kNone{"", "", ""};
    for (const auto& text : kTexts) {
        if (text.field == field) return text;
    }
    return kNone;
}

std::string flag_of(std::string_view field) {
    std::string flag = field == "headers" ? "--header" : "--" + std::string(field);
    for (char& c : flag) {
        if (c == '_') c = '-';
    }
    return flag;
}

Trouble wrong(std::string_view field, const std::string& detail) {
    return Trouble{ExitCode::usage, flag_of(field) + ": " + detail};
}

template <class T>
inline constexpr bool is_number = std::is_integral_v<T> && !std::is_same_v<T, bool>;

/// What the field is when no flag says otherwise, for the help.
template <class T>
std::string default_text(const T& value) {
    if constexpr (is_number<T>) return "; " + std::to_string(value) + " without it";
    if constexpr (std::is_enum_v<T>) return "; " + std::string(enum_text(value)) + " without it";
    if constexpr (std::is_same_v<T, std::string>) return value.empty() ? "" : "; " + value + " without it";
    return {};
}

template <class Spec>
class FlagsOf final : public SpecFlags {
  public:
    FlagsOf(CLI::App& app, Service service) : service_(service) {
        boost::mp11::mp_for_each<boost::describe::describe_members<Spec, boost::describe::mod_public>>([&](auto d) {
            using Field = std::remove_cvref_t<decltype(std::declval<Spec>().*d.pointer)>;
            const std::string field = d.name;
            if (field == "target") return;
            const auto& text = text_for(field);
            const std::string flag = flag_of(field);
            if constexpr (std::is_same_v<Field, bool>) {
                const std::function<void(std::int64_t)> take = [this, field](std::int64_t count) {
                    flags_[field] = count > 0;
                };
                app.add_flag_function(flag + ",!--no-" + flag.substr(2), take, text.help)
                    ->group("Options of the probe");
            } else {
                const std::string names = std::string(text.also) + (*text.also ? "," : "") + flag;
                auto* option =
                    app.add_option(names, values_[field], help_of(text, service) + default_text(Spec{}.*d.pointer));
                option->type_name(is_number<Field> ? "N" : "TEXT")->group("Options of the probe");
                const bool repeats = field == "headers";
                option->expected(1)->allow_extra_args(false);
                option->multi_option_policy(repeats ? CLI::MultiOptionPolicy::TakeAll
                                                    : CLI::MultiOptionPolicy::TakeLast);
            }
        });
        if (values_.contains("family")) {
            app.add_flag_callback(
                   "-4", [this] { values_["family"] = {"v4"}; }, "the same as --family v4")
                ->group("Options of the probe");
            app.add_flag_callback(
                   "-6", [this] { values_["family"] = {"v6"}; }, "the same as --family v6")
                ->group("Options of the probe");
        }
    }

    Answer<Json> params(const std::string& target) const override {
        Json json = Json::object();
        json["target"] = target;
        std::optional<Trouble> trouble;
        boost::mp11::mp_for_each<boost::describe::describe_members<Spec, boost::describe::mod_public>>([&](auto d) {
            using Field = std::remove_cvref_t<decltype(std::declval<Spec>().*d.pointer)>;
            const std::string field = d.name;
            if (const auto flag = flags_.find(field); flag != flags_.end()) json[field] = flag->second;
            const auto given = values_.find(field);
            if (trouble || given == values_.end() || given->second.empty()) return;
            auto value = value_of<Field>(field, given->second);
            if (value) {
                json[field] = std::move(value.value());
            } else {
                trouble = value.error();
            }
        });
        if (trouble) return *trouble;
        if (const auto spec = decode_spec(service_, json); !spec) return explained(spec.error());
        return json;
    }

  private:
    template <class Field>
    static Answer<Json> value_of(const std::string& field, const std::vector<std::string>& given) {
        if constexpr (is_number<Field>) {
            std::int64_t number = 0;
            const std::string& text = given.back();
            const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
            if (failed != std::errc{} || end != text.data() + text.size())
                return wrong(field, "\"" + text + "\" is no whole number");
            return Json(number);
        } else if constexpr (std::is_same_v<Field, std::vector<HttpHeader>>) {
            Json headers = Json::array();
            for (const auto& line : given) {
                const auto colon = line.find(':');
                if (colon == std::string::npos)
                    return wrong(field, "\"" + line + "\" has no colon; write \"Name: value\"");
                const auto value = line.find_first_not_of(' ', colon + 1);
                headers.push_back(Json{{"name", line.substr(0, colon)},
                                       {"value", value == std::string::npos ? "" : line.substr(value)}});
            }
            return headers;
        } else {
            return Json(given.back());
        }
    }

    /// `/params/count: 3000 is out of range` in words of the command line.
    static Trouble explained(const Error& error) {
        std::string_view field = error.where;
        field.remove_prefix(std::min(field.size(), std::string_view("/params/").size()));
        field = field.substr(0, field.find('/'));
        if (field.empty() || field == "target") return Trouble{ExitCode::usage, "the target: " + error.detail};
        return wrong(field, error.detail + (field == "server" ? "; its port is -p's" : ""));
    }

    Service service_;
    std::map<std::string, std::vector<std::string>> values_;
    std::map<std::string, bool> flags_;
};

}  // namespace

std::unique_ptr<SpecFlags> add_spec_flags(CLI::App& app, Service service) {
    switch (service) {
        case Service::dns:
            return std::make_unique<FlagsOf<DnsSpec>>(app, service);
        case Service::http:
            return std::make_unique<FlagsOf<HttpSpec>>(app, service);
        case Service::ping:
            return std::make_unique<FlagsOf<PingSpec>>(app, service);
    }
    return nullptr;
}

}  // namespace edge::cli
