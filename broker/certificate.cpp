#include "broker/certificate.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>

#include "protocol/ip.hpp"

namespace edge::broker {
namespace {

template <auto Free>
struct Freer {
    template <class T>
    void operator()(T* thing) const {
        Free(thing);
    }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Memory = std::unique_ptr<BIO, Freer<BIO_free_all>>;

constexpr long kDay = 24 * 60 * 60;

Error failed(const char* what) {
    ERR_clear_error();
    return Error{Errc::internal, "OpenSSL", std::string(what) + " failed"};
}

std::string text_of(BIO* memory) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory, &data);
    return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

bool add_extension(X509* certificate, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>> extension(
        X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_serial(X509* certificate) {
    std::array<std::uint8_t, 16> random{};
    fill_random(random);
    random[0] &= 0x7f;  // positive
    const std::unique_ptr<BIGNUM, Freer<BN_free>> number(
        BN_bin2bn(random.data(), static_cast<int>(random.size()), nullptr));
    return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate));
}

bool fill(X509* certificate, EVP_PKEY* key, const std::string& host) {
    const std::string names = (IpAddress::parse(host) ? "IP:" : "DNS:") + host + ",DNS:localhost";
    const std::string common = host.substr(0, 64);  // RFC 5280's upper bound
    X509_NAME* name = X509_get_subject_name(certificate);
    return X509_set_version(certificate, 2) == 1 && set_serial(certificate) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -kDay) &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), 3650 * kDay) && X509_set_pubkey(certificate, key) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(common.c_str()),
                                      -1, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1 && add_extension(certificate, NID_subject_alt_name, names) &&
           add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
           add_extension(certificate, NID_ext_key_usage, "serverAuth") && X509_sign(certificate, key, EVP_sha256()) > 0;
}

}  // namespace

Result<KeyAndCertificate> make_certificate(const std::string& host) {
    const Key key(EVP_EC_gen("P-256"));
    const Certificate certificate(X509_new());
    if (!key || !certificate) return failed("making a P-256 key");
    if (!fill(certificate.get(), key.get(), host)) return failed("making a certificate");
    const Memory cert_pem(BIO_new(BIO_s_mem()));
    const Memory key_pem(BIO_new(BIO_s_secmem()));
    if (PEM_write_bio_X509(cert_pem.get(), certificate.get()) != 1 ||
        PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
        return failed("writing PEM");
    }
    return KeyAndCertificate{text_of(cert_pem.get()), text_of(key_pem.get())};
}

Result<Digest> spki_digest(const std::string& cert_pem) {
    const Memory memory(BIO_new_mem_buf(cert_pem.data(), static_cast<int>(cert_pem.size())));
    const Certificate certificate(PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr));
    if (!certificate) {
        ERR_clear_error();
        return Error{Errc::bad_value, {}, "holds no PEM certificate"};
    }
    unsigned char* der = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &der);
    if (size <= 0) return failed("reading the public key");
    const Digest digest = sha256({der, static_cast<std::size_t>(size)});
    OPENSSL_free(der);
    return digest;
}

std::string pin_text(const Digest& spki) {
    return "sha256:" + to_base64(spki);
}

std::string pin_in_token(const Digest& spki) {
    std::string text = to_base64(spki);
    while (text.ends_with('=')) text.pop_back();
    for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
    return text;
}

}  // namespace edge::broker
