#include "broker/http/tls_context.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>

namespace edge::http {
namespace {

Result<> readable(const std::string& file) {
    std::FILE* handle = std::fopen(file.c_str(), "re");
    if (!handle) {
        Error error = os_error(errno, file, "cannot be read; edge-broker init makes a certificate and its key");
        error.code = Errc::not_found;
        return error;
    }
    std::fclose(handle);
    return ok();
}

Error refused(const std::string& file, std::string detail) {
    ERR_clear_error();
    return Error{Errc::bad_value, file, std::move(detail)};
}

/// A group may have it (0640, as Debian's ssl-cert); all users of the machine may not, who could then be this broker.
Result<> is_private(const std::string& file) {
    struct stat status {};
    if (::stat(file.c_str(), &status) == 0 && (status.st_mode & 07) == 0) return ok();
    return refused(file, "can be read by every user of this machine; run: chmod 600 " + file);
}

}  // namespace

Result<std::unique_ptr<boost::asio::ssl::context>> make_tls_context(const std::string& cert_file,
                                                                    const std::string& key_file, MinTls min) {
    EDGE_TRY(readable(cert_file));
    EDGE_TRY(readable(key_file));
    EDGE_TRY(is_private(key_file));
    auto context = std::make_unique<boost::asio::ssl::context>(boost::asio::ssl::context::tls_server);
    SSL_CTX* native = context->native_handle();
    SSL_CTX_set_min_proto_version(native, min == MinTls::v1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    // Forward secrecy and authenticated encryption only; TLS 1.3 has nothing else.
    SSL_CTX_set_cipher_list(native, "ECDHE+AESGCM:ECDHE+CHACHA20");
    // A session is bound to its connection: nothing to resume.
    SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(native, 0);
    SSL_CTX_set_options(native, SSL_OP_NO_TICKET);
    if (SSL_CTX_use_certificate_chain_file(native, cert_file.c_str()) != 1)
        return refused(cert_file, "holds no PEM certificate");
    if (SSL_CTX_use_PrivateKey_file(native, key_file.c_str(), SSL_FILETYPE_PEM) != 1)
        return refused(key_file, "holds no PEM key, or not this certificate's");
    if (SSL_CTX_check_private_key(native) != 1) return refused(key_file, "is not the key of " + cert_file);
    return context;
}

}  // namespace edge::http
