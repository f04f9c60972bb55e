#include "probes/worker/engines.hpp"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <cstdio>
#include <exception>

namespace edge::probes {

Engines::Engines(TargetPolicy policy, std::vector<IpAddress> resolvers, TrustStore trust)
    : policy_(std::move(policy)), resolver_(io_, std::move(resolvers)), http_(io_, std::move(trust)) {
    warm_up();
}

void Engines::run() {
    for (;;) {
        try {
            io_.run();
            return;
        } catch (const std::exception& error) {
            std::fprintf(stderr, "edge-probe: event=exception what=\"%s\"\n", error.what());
        }
    }
}

void warm_up() {
    unsigned char byte = 0;
    RAND_bytes(&byte, 1);
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());  // fetches ciphers and digests from the provider
    SSL* ssl = context ? SSL_new(context) : nullptr;
    if (ssl) {
        BIO* none = BIO_new(BIO_s_mem());
        SSL_set0_rbio(ssl, none);
        SSL_set0_wbio(ssl, BIO_new(BIO_s_mem()));
        SSL_do_handshake(ssl);  // makes a key share and a ClientHello, which go nowhere
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    ERR_clear_error();
    if (CURL* easy = curl_easy_init()) curl_easy_cleanup(easy);
}

}  // namespace edge::probes
