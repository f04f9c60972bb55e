// One of everything that travels on the link, with values a real exchange could have; the golden files and
// docs/protocol.md show these.
#pragma once
#include <string>
#include <vector>

#include "protocol/crypto/keys.hpp"
#include "protocol/link/envelopes.hpp"

namespace edge::samples {

struct Sample {
    std::string name;  // of its golden file
    link::Envelope envelope;
    std::string detail;
};

/// All but hello, whose message is signed.
std::vector<Sample> envelopes();

link::Hello hello();
/// The key, nonce and TLS exporter of the signed examples. The secret is that of RFC 8032's first test: worthless.
SigningKey node_key();
SigningKey next_key();  // takes that one's place
link::NewKey new_key();
std::string nonce();
std::string exporter();
std::string signed_hello();

link::EnrollRequest enroll_request();
link::EnrollReply enroll_reply();

}  // namespace edge::samples
