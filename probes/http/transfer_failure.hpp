// What libcurl's codes mean to a person: whose fault, in which phase, by which name. Pure.
#pragma once
#include <curl/curl.h>

#include <optional>
#include <string>

#include "protocol/probes/report.hpp"

namespace edge::probes {

/// What is known when a transfer has ended badly.
struct TransferEnd {
    CURLcode code = CURLE_OK;
    long os_errno = 0;
    std::string phase;  // connect tls wait read
    std::string text;   // libcurl's sentence
    std::string peer;
    std::string alert;                // TLS, sent by the peer
    std::string certificate_problem;  // why verification failed
    std::string head_problem;         // our own caps
};

Failure transfer_failure(const TransferEnd& end);

}  // namespace edge::probes
