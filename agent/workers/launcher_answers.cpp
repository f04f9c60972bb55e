#include "agent/workers/launcher_answers.hpp"

namespace edge::agent {

Result<launcher::Header> header_of(std::string_view packet) {
    launcher::Header header;
    if (packet.size() < sizeof header) return Error{Errc::bad_syntax, "edge-launcher", "a packet without a header"};
    std::memcpy(&header, packet.data(), sizeof header);
    if (header.magic != launcher::kMagic || header.version != launcher::kVersion)
        return Error{Errc::unsupported, "edge-launcher",
                     "edge-launcher is of another version; install both from one build"};
    return header;
}

Error failure_in(std::string_view packet) {
    launcher::Packet<launcher::Failure> failure;
    std::memcpy(&failure, packet.data(), std::min(packet.size(), sizeof failure));
    const char* text = failure.body.text;
    const std::string said(text, strnlen(text, sizeof failure.body.text));
    return Error{Errc::unavailable, "edge-launcher", said.empty() ? std::strerror(failure.header.status) : said};
}

}  // namespace edge::agent
