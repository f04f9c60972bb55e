#include "probes/http/transfer_failure.hpp"

#include "probes/failures.hpp"

namespace edge::probes {
namespace {

Failure target(std::string phase, std::string code, std::string text) {
    return Failure{Source::target, std::move(phase), std::move(code), std::move(text)};
}

}  // namespace

Failure transfer_failure(const TransferEnd& end) {
    const std::string text = end.text.empty() ? curl_easy_strerror(end.code) : end.text;
    if (!end.head_problem.empty())
        return target("read", end.head_problem, "the answer's headers are more than is taken");
    if (!end.certificate_problem.empty() && end.phase == "tls") {
        return target("tls", end.certificate_problem,
                      "the server's certificate is not accepted: " + end.certificate_problem);
    }
    if (!end.alert.empty())
        return target(end.phase, "alert:" + end.alert, "the server sent the TLS alert " + end.alert);
    const bool has_errno = end.os_errno != 0;
    switch (end.code) {
        case CURLE_COULDNT_CONNECT:
            if (has_errno) return errno_failure(static_cast<int>(end.os_errno), "connect", end.peer);
            return target("connect", "connect_failed", text);
        case CURLE_OPERATION_TIMEDOUT:
            return timed_out(Source::path, end.phase, text);
        case CURLE_SSL_CONNECT_ERROR:
            if (has_errno) return errno_failure(static_cast<int>(end.os_errno), "tls", end.peer);
            return target("tls", "handshake_failed", text);
        case CURLE_PEER_FAILED_VERIFICATION:
            return target("tls", "certificate", text);
        case CURLE_GOT_NOTHING:
            return target("wait", "empty_reply", "the server closed the connection without an answer");
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_WEIRD_SERVER_REPLY:
            return target("read", "not_http", "the answer is not HTTP: " + text);
        case CURLE_PARTIAL_FILE:
            return target("read", "partial_body", text);
        case CURLE_HTTP2:
        case CURLE_HTTP2_STREAM:
            return target("read", "http2", text);
        case CURLE_BAD_CONTENT_ENCODING:
            return target("read", "bad_encoding", text);
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
            if (has_errno) return errno_failure(static_cast<int>(end.os_errno), end.phase, end.peer);
            return target(end.phase, end.code == CURLE_SEND_ERROR ? "send_failed" : "read_failed", text);
        case CURLE_OUT_OF_MEMORY:
            return Failure{Source::agent, end.phase, "no_memory", text};
        default:
            return target(end.phase, "curl:" + std::to_string(static_cast<int>(end.code)), text);
    }
}

}  // namespace edge::probes
