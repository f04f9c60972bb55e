// The launcher's packets as the agent takes them: nothing of one is read before its magic, version and size are right.
// Pure.
#pragma once
#include <algorithm>
#include <cstring>
#include <string_view>

#include "protocol/launcher/messages.hpp"
#include "protocol/result.hpp"

namespace edge::agent {

/// Errors: bad_syntax (shorter than a header), unsupported (of another version).
Result<launcher::Header> header_of(std::string_view packet);

/// What the launcher said in an answer whose `status` is not 0.
Error failure_in(std::string_view packet);

/// The body of an answer or event of type B. Errors: as header_of; unavailable with what the launcher said; bad_syntax
/// (of another size).
template <class B>
Result<B> body_of(std::string_view packet) {
    EDGE_TRY(const auto header, header_of(packet));
    if (header.status != 0) return failure_in(packet);
    if (packet.size() != sizeof(launcher::Packet<B>))
        return Error{Errc::bad_syntax, "edge-launcher",
                     "an answer of another size: agent and launcher are of different builds"};
    launcher::Packet<B> whole;
    std::memcpy(&whole, packet.data(), sizeof whole);
    return whole.body;
}

}  // namespace edge::agent
