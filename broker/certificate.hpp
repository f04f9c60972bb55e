// The gateway's certificate: made for itself, and known to agents by the digest of its public key.
#pragma once
#include <string>

#include "protocol/crypto/keys.hpp"

namespace edge::broker {

struct KeyAndCertificate {
    std::string cert_pem;
    std::string key_pem;
};

/// P-256, valid ten years from a day ago, for `host` (a name or an address) and localhost.
/// Agents pin its public key, so nobody's authority is needed, and nothing has to be renewed for them.
Result<KeyAndCertificate> make_certificate(const std::string& host);

/// SHA-256 of the certificate's SubjectPublicKeyInfo. Errors: bad_value (no PEM certificate). Source: RFC 7469
/// section 2.4.
Result<Digest> spki_digest(const std::string& cert_pem);

/// `sha256:BASE64`, as people compare it.
std::string pin_text(const Digest& spki);
/// base64url without padding, as in a join token. Source: RFC 4648 section 5.
std::string pin_in_token(const Digest& spki);

}  // namespace edge::broker
