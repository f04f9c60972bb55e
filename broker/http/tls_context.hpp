// A server's TLS: certificate, key, and which versions it speaks.
#pragma once
#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "protocol/result.hpp"

namespace edge::http {

enum class MinTls { v1_2, v1_3 };

/// Errors: not_found (a file cannot be read; `where` is its path), bad_value (no PEM, or the key belongs to another
/// certificate).
Result<std::unique_ptr<boost::asio::ssl::context>> make_tls_context(const std::string& cert_file,
                                                                    const std::string& key_file, MinTls min);

}  // namespace edge::http
