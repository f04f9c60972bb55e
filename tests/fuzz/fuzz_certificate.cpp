// What a TLS server says of itself. OpenSSL reads the DER; we keep names and a time.
#include <openssl/err.h>
#include <openssl/x509.h>

#include "probes/http/tls_facts.hpp"
#include "protocol/json/described.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const unsigned char* at = data;
    X509* certificate = d2i_X509(nullptr, &at, static_cast<long>(size));
    ERR_clear_error();
    if (certificate == nullptr) return 0;
    TlsFacts facts;
    probes::read_certificate(certificate, facts);
    X509_free(certificate);
    fuzz::demand(facts.subject.size() <= 512 && facts.issuer.size() <= 512, "a name has a bound");
    fuzz::demand(facts.not_after.empty() || facts.not_after.ends_with('Z'), "a time is in UTC, or not known");
    const std::string text = dump_json(encode(facts));
    fuzz::demand(bool(check_json(text)), "whatever a name holds, it is JSON");
    return 0;
}
