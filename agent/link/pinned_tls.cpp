#include "agent/link/pinned_tls.hpp"

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstring>

#include "protocol/ip.hpp"
#include "protocol/link/envelopes.hpp"

namespace edge::agent {
namespace {

Digest spki_digest(X509* certificate) {
    unsigned char* der = nullptr;
    const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    if (length <= 0) return {};
    const Digest digest = sha256({der, static_cast<std::size_t>(length)});
    OPENSSL_free(der);
    return digest;
}

}  // namespace

PinnedTls::PinnedTls(const Digest& pin, const std::optional<Digest>& next_pin)
    : pin_(pin), next_pin_(next_pin), context_(boost::asio::ssl::context::tls_client) {
    SSL_CTX* native = context_.native_handle();
    SSL_CTX_set_min_proto_version(native, TLS1_3_VERSION);
    SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
    // Takes the place of chain building. That the peer has the key's secret is shown by its CertificateVerify.
    SSL_CTX_set_cert_verify_callback(native, &PinnedTls::check, this);
}

int PinnedTls::check(X509_STORE_CTX* store, void* self) {
    auto& tls = *static_cast<PinnedTls*>(self);
    X509* leaf = X509_STORE_CTX_get0_cert(store);
    const Digest seen = leaf ? spki_digest(leaf) : Digest{};
    const bool same = leaf && (equal_in_constant_time(seen, tls.pin_) ||
                               (tls.next_pin_ && equal_in_constant_time(seen, *tls.next_pin_)));
    tls.saw_other_key_ = !same;
    if (!same) X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return same ? 1 : 0;
}

void prepare_handshake(SSL* ssl, const std::string& host) {
    if (!IpAddress::parse(host)) SSL_set_tlsext_host_name(ssl, host.c_str());
    static constexpr unsigned char kAlpn[] = "\x08http/1.1";
    SSL_set_alpn_protos(ssl, kAlpn, sizeof kAlpn - 1);
}

std::string export_binding(SSL* ssl) {
    std::string bytes(32, '\0');
    const auto* label = link::kExporterLabel;
    const int done = SSL_export_keying_material(ssl, reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(),
                                                label, std::strlen(label), nullptr, 0, 0);
    return done == 1 ? bytes : std::string();
}

}  // namespace edge::agent
