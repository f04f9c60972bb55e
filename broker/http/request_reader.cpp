#include "broker/http/request_reader.hpp"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "broker/http/response_text.hpp"
#include "broker/http/text.hpp"

namespace edge::http {

namespace beast_http = boost::beast::http;

struct RequestReader::Parser : beast_http::request_parser<beast_http::string_body> {};

RequestReader::RequestReader(RequestLimits limits) : limits_(limits) {}
RequestReader::~RequestReader() = default;

RequestReader::State RequestReader::feed(std::string_view bytes) {
    input_.append(bytes);
    return advance();
}

RequestReader::State RequestReader::advance() {
    if (state_ == State::idle && !input_.empty()) state_ = State::head;
    if (state_ == State::head && read_head()) state_ = State::body;
    if (state_ == State::body && read_body()) state_ = State::complete;
    return state_;
}

bool RequestReader::refuse(int status, std::string code, std::string detail) {
    refusal_ = Refusal{status, std::move(code), std::move(detail)};
    state_ = State::refused;
    return false;
}

bool RequestReader::read_head() {
    constexpr char kTlsHandshake = 0x16;  // no method begins like this, and its sender waits for an answer
    if (input_.front() == kTlsHandshake) return refuse(400, "bad_request", "this port speaks HTTP without TLS");
    // Searched whole each time: 8 KiB at most, and a dripping client pays with its own time.
    const std::size_t end = input_.find("\r\n\r\n");
    if (end == std::string::npos || end + 4 > limits_.head_bytes) {
        if (input_.size() < limits_.head_bytes) return false;
        return refuse(431, "header_too_large", "the head is at most " + std::to_string(limits_.head_bytes) + " bytes");
    }
    const std::string_view head(input_.data(), end + 4);
    if (auto refusal = precheck(head))
        return refuse(refusal->status, std::move(refusal->code), std::move(refusal->detail));

    parser_ = std::make_unique<Parser>();
    parser_->eager(true);
    parser_->header_limit(static_cast<std::uint32_t>(limits_.head_bytes));
    parser_->body_limit(limits_.body_bytes);
    boost::system::error_code failed;
    const std::size_t used = parser_->put(boost::asio::buffer(head.data(), head.size()), failed);
    if (failed == beast_http::error::body_limit)
        return refuse(413, "too_large", "a body is at most " + std::to_string(limits_.body_bytes) + " bytes");
    if ((failed && failed != beast_http::error::need_more) || !parser_->is_header_done())
        return refuse(400, "bad_request", "not HTTP/1.1: " + failed.message());
    input_.erase(0, used);

    // Copied now: Beast adds a chunked body's trailers to the same fields later.
    const auto& message = parser_->get();
    request_ = Request{};
    request_.method = std::string(message.method_string());
    for (const auto& field : message)
        request_.headers.emplace_back(lower(std::string_view(field.name_string())), std::string(field.value()));
    const std::string_view target(message.target());
    const std::size_t question = std::min(target.find('?'), target.size());
    const auto path = percent_decode(target.substr(0, question));
    if (!path) return refuse(400, "bad_request", "the path has a broken or forbidden percent escape");
    request_.path = *path;
    request_.query = target.substr(std::min(question + 1, target.size()));
    request_.keeps_alive = message.keep_alive();
    wants_continue_ =
        equal_without_case(request_.header("expect"), "100-continue") && message.version() == 11 && !parser_->is_done();
    return true;
}

bool RequestReader::read_body() {
    // No chunked body ends in less than its last chunk, and Beast 1.81 asserts (basic_parser.ipp, parse_chunk_header)
    // that it is not asked again with less: "0\r\n" and then "\r" would end a program that is built with assertions.
    const std::size_t least = parser_->chunked() ? kLastChunk.size() : 1;
    while (!parser_->is_done() && input_.size() >= least) {
        boost::system::error_code failed;
        const std::size_t used = parser_->put(boost::asio::buffer(input_.data(), input_.size()), failed);
        input_.erase(0, used);
        if (failed == beast_http::error::body_limit)
            return refuse(413, "too_large", "a body is at most " + std::to_string(limits_.body_bytes) + " bytes");
        // What Beast cannot use yet is the head of a chunk; a long one is a hostile one.
        if (failed == beast_http::error::need_more && input_.size() <= 1024) return false;
        if (failed) return refuse(400, "bad_request", "the body is not what its head says: " + failed.message());
    }
    return parser_->is_done();
}

Request RequestReader::take() {
    request_.body = std::move(parser_->get().body());
    parser_.reset();
    wants_continue_ = false;
    Request request = std::move(request_);
    request_ = Request{};
    if (input_.empty()) input_.shrink_to_fit();
    state_ = State::idle;
    advance();
    return request;
}

}  // namespace edge::http
