#include "agent/link/hello.hpp"

namespace edge::agent {

std::string signed_hello(const link::Hello& hello, const SigningKey& key, const std::string& nonce,
                         const std::string& binding) {
    const std::string line = encode_envelope(link::Envelope(hello));
    const Signature signature = key.sign(as_bytes(link::hello_signing_input(nonce, binding, line)));
    return link::encode_hello(line, std::string(signature.begin(), signature.end()));
}

}  // namespace edge::agent
