#include <algorithm>

#include "broker/console_files/console_files.hpp"
#include "broker/http/problem.hpp"
#include "broker/http/text.hpp"

namespace edge::broker::console {
namespace {

constexpr std::string_view kPage = "/index.html";
constexpr std::string_view kHashed = "/assets/";  // its names change with what they hold

constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Does the list header name `wanted`, and not with `q=0`? Source: RFC 9110 sections 12.4.2 and 12.5.
bool accepts(const http::Request& request, std::string_view header, std::string_view wanted) {
    std::string_view rest = request.header(header);
    while (!rest.empty()) {
        const std::string_view item = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(item.size() + 1, rest.size()));
        const std::string_view name = http::trim(item.substr(0, item.find(';')));
        if (!http::equal_without_case(name, wanted)) continue;
        const std::size_t q = item.find("q=");
        return q == std::string_view::npos || item.find_first_of("123456789", q) != std::string_view::npos;
    }
    return false;
}

const File* find(std::span<const File> files, std::string_view path) {
    const auto found = std::ranges::find(files, path, &File::path);
    return found == files.end() ? nullptr : &*found;
}

const File* file_for(std::span<const File> files, const http::Request& request) {
    if (request.path == "/") return find(files, kPage);
    if (const File* file = find(files, request.path)) return file;
    if (request.path.starts_with(kHashed) || !accepts(request, "accept", "text/html")) return nullptr;
    return find(files, kPage);
}

struct Coding {
    std::string_view name;
    std::string_view body;
};

Coding coding_for(const File& file, const http::Request& request) {
    if (!file.brotli.empty() && accepts(request, "accept-encoding", "br")) return {"br", file.brotli};
    if (!file.gzip.empty() && accepts(request, "accept-encoding", "gzip")) return {"gzip", file.gzip};
    return {{}, file.plain};
}

http::Headers headers_of(const File& file, const Coding& coding, const std::string& etag) {
    http::Headers headers = {
        {"ETag", etag},
        {"Cache-Control", file.path.starts_with(kHashed) ? "public, max-age=31536000, immutable" : "no-cache"},
        {"Vary", "Accept-Encoding"},
        {"Content-Security-Policy", std::string(kPolicy)},
        {"Referrer-Policy", "same-origin"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
    };
    if (!coding.name.empty()) headers.emplace_back("Content-Encoding", coding.name);
    return headers;
}

}  // namespace

http::Response answer(std::span<const File> files, const http::Request& request) {
    if (request.method != "GET" && request.method != "HEAD") {
        http::Response refusal =
            http::problem_response({http::Code::method_not_allowed, "allowed: GET, HEAD", {}}, request);
        refusal.headers.emplace_back("Allow", "GET, HEAD");
        return refusal;
    }
    const File* file = file_for(files, request);
    if (!file)
        return http::problem_response({http::Code::not_found, "no such path; /api/v1/openapi.json lists the API's", {}},
                                      request);
    const Coding coding = coding_for(*file, request);
    std::string etag = "\"";
    etag.append(file->hash).append(coding.name.empty() ? "" : "-").append(coding.name).append("\"");
    http::Headers headers = headers_of(*file, coding, etag);
    if (request.header_lists("if-none-match", etag)) return {304, {}, std::move(headers), {}};
    return {200, std::string(file->content_type), std::move(headers), std::string(coding.body)};
}

http::Handler make_handler() {
    return [](const http::Request& request, const std::shared_ptr<http::Exchange>& exchange) {
        exchange->reply(answer(embedded_files(), request));
    };
}

}  // namespace edge::broker::console
