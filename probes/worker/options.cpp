#include "probes/worker/options.hpp"

#include <charconv>

#include "protocol/json/described.hpp"

namespace edge::probes {
namespace {

template <class Number>
Result<Number> number(const std::string& text) {
    Number value{};
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size())
        return Error{Errc::bad_value, {}, "expected a number"};
    return value;
}

template <class T>
Result<> add(std::vector<T>& list, Result<T> parsed) {
    EDGE_TRY(auto value, std::move(parsed));
    list.push_back(std::move(value));
    return ok();
}

Result<Service> service(const std::string& text) {
    if (const auto value = enum_value<Service>(text)) return *value;
    return Error{Errc::bad_value, {}, "no such service"};
}

Result<> take(WorkerOptions& options, const std::string& name, const std::string& value) {
    TargetPolicy& policy = options.policy;
    if (name == "--address") return add(options.addresses, IpAddress::parse(value));
    if (name == "--resolver") return add(options.resolvers, IpAddress::parse(value));
    if (name == "--allow") return add(policy.allow, IpPrefix::parse(value));
    if (name == "--deny") return add(policy.deny, IpPrefix::parse(value));
    if (name == "--only") return add(policy.only, TargetPort::parse(value));
    if (name == "--port") return add(policy.ports, number<std::uint16_t>(value));
    if (name == "--service") return add(policy.services, service(value));
    if (name == "--fd") {
        EDGE_TRY(options.fd, number<int>(value));
    } else if (name == "--line") {
        options.line = value;
    } else if (name == "--device") {
        options.device = value;
    } else if (name == "--bind") {
        options.bind = value;
    } else if (name == "--ca") {
        options.ca_file = value;
    } else {
        return Error{Errc::bad_value, {}, "unknown option"};
    }
    return ok();
}

bool is_option(const std::string& word) {
    return word.starts_with("--");
}

}  // namespace

Result<WorkerOptions> parse_worker_options(const std::vector<std::string>& arguments) {
    WorkerOptions options;
    for (std::size_t i = 0; i < arguments.size();) {
        const std::string& name = arguments[i++];
        if (!is_option(name)) return Error{Errc::bad_value, name, "expected an option"};
        if (i == arguments.size() || is_option(arguments[i])) return Error{Errc::bad_value, name, "a value is missing"};
        for (; i < arguments.size() && !is_option(arguments[i]); ++i) {  // one or several values behind one name
            if (auto taken = take(options, name, arguments[i]); !taken) {
                return Error{Errc::bad_value, name + " " + arguments[i], taken.error().detail};
            }
        }
    }
    options.policy.resolvers = options.resolvers;
    options.policy.own_addresses = options.addresses;
    return options;
}

}  // namespace edge::probes
