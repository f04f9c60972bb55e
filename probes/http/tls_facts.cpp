#include "probes/http/tls_facts.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "protocol/codings.hpp"
#include "protocol/ip.hpp"

namespace edge::probes {
namespace {

struct FreeBio {
    void operator()(BIO* bio) const { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;

int watch_index() {
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

constexpr int kMaxChain = 16;
constexpr long kMaxChainBytes = 24 * 1024;
constexpr std::size_t kMaxName = 512;    // of a subject or issuer: a certificate may carry 10,000
constexpr std::size_t kMaxNames = 2048;  // bytes of DNS names

std::string name_text(const X509_NAME* name) {
    const Bio out(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return std::string(data, std::min(static_cast<std::size_t>(std::max(0L, size)), kMaxName));
}

/// RFC 3339 in UTC.
std::string time_text(const ASN1_TIME* time) {
    tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
    char text[32]{};
    if (std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) return {};
    return text;
}

std::string first_end(const STACK_OF(X509) * chain) {
    const ASN1_TIME* first = nullptr;
    for (int i = 0; i < sk_X509_num(chain); ++i) {
        const ASN1_TIME* end = X509_get0_notAfter(sk_X509_value(chain, i));
        if (!first || ASN1_TIME_compare(end, first) < 0) first = end;
    }
    return first ? time_text(first) : std::string();
}

std::string fingerprint_text(const X509* certificate) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) return {};
    return to_hex({digest.data(), size});
}

/// But for those that are not printable ASCII, and no more than are kept.
std::vector<std::string> dns_names(const X509* certificate) {
    struct Free {
        void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
    };
    std::vector<std::string> kept;
    const std::unique_ptr<GENERAL_NAMES, Free> names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    std::size_t left = kMaxNames;
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
        if (name->type != GEN_DNS) continue;
        const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                                    static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
        const bool is_plain = std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
        if (!is_plain || text.size() > left) continue;
        left -= text.size();
        kept.emplace_back(text);
    }
    return kept;
}

std::string snake(std::string_view words) {
    std::string out(words);
    for (char& c : out) {
        if (c == ' ') c = '_';
    }
    return out;
}

}  // namespace

TrustStore::TrustStore() : store_(X509_STORE_new()) {}

Result<TrustStore> TrustStore::load(const std::string& pem_file) {
    std::ifstream file(pem_file, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file) return os_error(errno, pem_file, "cannot read the CA bundle; Debian's package ca-certificates makes it");
    const std::string pem = std::move(text).str();
    const Bio in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    TrustStore trust;
    int count = 0;
    while (X509* certificate = PEM_read_bio_X509_AUX(in.get(), nullptr, nullptr, nullptr)) {
        X509_STORE_add_cert(trust.get(), certificate);
        X509_free(certificate);
        ++count;
    }
    ERR_clear_error();  // the end of the file is told as an error
    if (count == 0) return Error{Errc::bad_syntax, pem_file, "holds no certificate in PEM form"};
    return trust;
}

void TlsWatch::attach(SSL_CTX* context, const TrustStore& trust) {
    SSL_CTX_set1_cert_store(context, trust.get());
    SSL_CTX_set_ex_data(context, watch_index(), this);
    SSL_CTX_set_max_cert_list(context, kMaxChainBytes);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);  // whatever libcurl said: verify() decides
    SSL_CTX_set_cert_verify_callback(context, &TlsWatch::verify, this);
    SSL_CTX_set_info_callback(context, &TlsWatch::on_info);
}

/// Called whether or not the caller insists on a good certificate. 0 ends the handshake.
int TlsWatch::verify(X509_STORE_CTX* context, void* self) {
    auto& watch = *static_cast<TlsWatch*>(self);
    if (sk_X509_num(X509_STORE_CTX_get0_untrusted(context)) > kMaxChain) {
        X509_STORE_CTX_set_error(context, X509_V_ERR_CERT_CHAIN_TOO_LONG);
        watch.facts_.verify_error = certificate_error_name(X509_V_ERR_CERT_CHAIN_TOO_LONG);
        watch.has_refused_ = true;
        return 0;
    }
    const int good = X509_verify_cert(context);
    X509* leaf = X509_STORE_CTX_get0_cert(context);
    if (leaf) read_certificate(leaf, watch.facts_);
    watch.facts_.chain_not_after = first_end(X509_STORE_CTX_get0_untrusted(context));
    if (good == 1) watch.facts_.path_not_after = first_end(X509_STORE_CTX_get0_chain(context));
    if (good != 1) watch.facts_.verify_error = certificate_error_name(X509_STORE_CTX_get_error(context));
    if (good == 1 && leaf) {
        const bool is_address = static_cast<bool>(IpAddress::parse(watch.host_));
        const int matches = is_address ? X509_check_ip_asc(leaf, watch.host_.c_str(), 0)
                                       : X509_check_host(leaf, watch.host_.c_str(), watch.host_.size(), 0, nullptr);
        if (matches != 1) watch.facts_.verify_error = "hostname_mismatch";
    }
    watch.facts_.verified = watch.facts_.verify_error.empty();
    watch.has_refused_ = watch.insists_ && good != 1;
    return watch.has_refused_ ? 0 : 1;
}

void read_certificate(const X509* certificate, TlsFacts& facts) {
    facts.sha256 = fingerprint_text(certificate);
    facts.names = dns_names(certificate);
    facts.subject = name_text(X509_get_subject_name(certificate));
    facts.issuer = name_text(X509_get_issuer_name(certificate));
    facts.not_after = time_text(X509_get0_notAfter(certificate));
}

void TlsWatch::on_info(const SSL* ssl, int where, int value) {
    auto* watch = static_cast<TlsWatch*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), watch_index()));
    if (!watch) return;
    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && (value >> 8) == SSL3_AL_FATAL) {
        watch->alert_ = snake(SSL_alert_desc_string_long(value));
    }
    if ((where & SSL_CB_HANDSHAKE_DONE) == 0 || watch->is_done_) return;
    watch->is_done_ = true;  // told again for each session ticket of TLS 1.3
    watch->facts_.version = SSL_get_version(ssl);
    if (const char* cipher = SSL_get_cipher_name(ssl)) watch->facts_.cipher = cipher;
    const unsigned char* alpn = nullptr;
    unsigned length = 0;
    SSL_get0_alpn_selected(ssl, &alpn, &length);
    if (alpn) watch->facts_.alpn.assign(reinterpret_cast<const char*>(alpn), length);
}

std::string certificate_error_name(long error) {
    switch (error) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return "expired";
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return "not_yet_valid";
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            return "self_signed";
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return "unknown_issuer";
        case X509_V_ERR_CERT_REVOKED:
            return "revoked";
        case X509_V_ERR_HOSTNAME_MISMATCH:
            return "hostname_mismatch";
        default:
            return snake(X509_verify_cert_error_string(error));
    }
}

}  // namespace edge::probes
