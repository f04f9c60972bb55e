// TLS of one HTTP transfer: our trust store instead of libcurl's, and what the handshake was like.
#pragma once
#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "protocol/probes/report.hpp"
#include "protocol/result.hpp"

namespace edge::probes {

/// The CA bundle, parsed once and shared by all connections: libcurl would parse 144 certificates for each.
/// Owns: the store. Must be loaded before a worker is sealed.
class TrustStore {
  public:
    /// Errors: io when the file cannot be read, bad_syntax when it holds no certificate.
    static Result<TrustStore> load(const std::string& pem_file);
    /// Trusts nobody.
    TrustStore();
    X509_STORE* get() const { return store_.get(); }

  private:
    struct Free {
        void operator()(X509_STORE* store) const { X509_STORE_free(store); }
    };
    std::unique_ptr<X509_STORE, Free> store_;
};

/// Watches the handshake of one SSL_CTX. Must outlive it.
class TlsWatch {
  public:
    /// `insists`: a certificate that is not good ends the handshake. A chain of more than 16 certificates or 24 KiB
    /// does so in any case: a certificate of 370 bytes costs 4,700 once it is read, and stays as long as the
    /// connection.
    TlsWatch(std::string host, bool insists) : host_(std::move(host)), insists_(insists) {}
    void attach(SSL_CTX* context, const TrustStore& trust);

    bool is_done() const { return is_done_; }
    bool saw_anything() const { return is_done_ || !facts_.subject.empty() || !alert_.empty(); }
    const TlsFacts& facts() const { return facts_; }
    /// `handshake_failure`, … when the peer sent one.
    const std::string& alert() const { return alert_; }
    /// `expired`, `unknown_issuer`, `hostname_mismatch`, …; empty while nothing is wrong.
    const std::string& certificate_problem() const { return facts_.verify_error; }
    /// Whether that ended the handshake.
    bool has_refused() const { return has_refused_; }

  private:
    static int verify(X509_STORE_CTX* context, void* self);
    static void on_info(const SSL* ssl, int where, int value);

    std::string host_;
    bool insists_;
    bool has_refused_ = false;
    TlsFacts facts_;
    std::string alert_;
    bool is_done_ = false;
};

/// Subject, issuer and end of a certificate that anybody may have sent: bounded, whatever it holds.
void read_certificate(const X509* certificate, TlsFacts& facts);

/// `expired` for X509_V_ERR_CERT_HAS_EXPIRED, …; OpenSSL's sentence for one without a short name.
std::string certificate_error_name(long error);

}  // namespace edge::probes
