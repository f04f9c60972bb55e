#include "cli/api/environment.hpp"

#include <fstream>
#include <iterator>

#include "protocol/ip.hpp"

namespace edge::cli {
namespace {

Trouble misconfigured(std::string what, std::string next) {
    return Trouble{ExitCode::usage, std::move(what), std::move(next)};
}

bool is_loopback(std::string_view host) {
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (host == "localhost") return true;
    const auto address = IpAddress::parse(host);
    if (!address) return false;
    return address.value().v6 ? host == "::1" : address.value().bytes[0] == 127;
}

/// scheme://host[:port] and nothing behind it.
Answer<std::string_view> host_of(std::string_view url) {
    const auto wrong = [&] {
        return misconfigured("EDGE_URL is \"" + std::string(url) + "\", which is no URL of a broker",
                             "set it to http://HOST:PORT or https://HOST:PORT");
    };
    std::string_view rest = url;
    if (rest.starts_with("https://")) {
        rest.remove_prefix(8);
    } else if (rest.starts_with("http://")) {
        rest.remove_prefix(7);
    } else {
        return wrong();
    }
    if (rest.empty() || rest.find_first_of("/?#@ \t\r\n") != std::string_view::npos) return wrong();
    if (rest.front() == '[') {
        const auto end = rest.find(']');
        if (end == std::string_view::npos) return wrong();
        return rest.substr(0, end + 1);
    }
    return rest.substr(0, rest.find(':'));
}

Answer<std::string> token_from_file(const std::string& path) {
    std::ifstream file(path);
    std::string token;
    if (!file || !std::getline(file, token))
        return misconfigured("EDGE_TOKEN_FILE: cannot read " + path, "it holds the token on its first line");
    return token;
}

}  // namespace

Answer<Environment> environment_from(const Variables& variables) {
    Environment environment;
    environment.url = variables("EDGE_URL");
    if (environment.url.empty()) {
        return misconfigured("EDGE_URL is not set, so there is no broker to ask",
                             "export EDGE_URL=http://127.0.0.1:8080   # what `edge-broker init` printed as API");
    }
    while (environment.url.ends_with('/')) environment.url.pop_back();
    EDGE_TRY(auto host, host_of(environment.url));
    environment.is_loopback = is_loopback(host);
    environment.token_travels_in_the_clear = environment.url.starts_with("http://") && !environment.is_loopback;

    environment.token = variables("EDGE_TOKEN");
    if (const std::string path = variables("EDGE_TOKEN_FILE"); environment.token.empty() && !path.empty()) {
        EDGE_TRY(environment.token, token_from_file(path));
    }
    if (environment.token.empty()) {
        return Trouble{ExitCode::auth, "neither EDGE_TOKEN nor EDGE_TOKEN_FILE is set",
                       "export EDGE_TOKEN_FILE=FILE   # whose first line is a token; `edge-broker init` prints one"};
    }
    if (environment.token.find_first_of(" \t\r\n") != std::string::npos)
        return misconfigured("the token has white space in it", "copy it again, without the line around it");
    environment.ca_file = variables("EDGE_CA_FILE");
    if (!environment.ca_file.empty() && !std::ifstream(environment.ca_file))
        return misconfigured("EDGE_CA_FILE: cannot read " + environment.ca_file,
                             "it holds the certificates that edgectl trusts, as PEM");
    return environment;
}

}  // namespace edge::cli
