// Status line and headers of an answer, line by line as libcurl gives them, with caps. Pure.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/probes/spec.hpp"

namespace edge::probes {

class ResponseHead {
  public:
    struct Limits {
        std::size_t lines = 256;        // headers of one head, trailers too
        std::size_t bytes = 64 * 1024;  // of all heads
        unsigned interim = 8;           // 1xx answers
    };
    /// Why a head is refused: an empty string while it is not.
    enum class Verdict { fine, too_many_headers, headers_too_large, too_many_interim };

    ResponseHead() = default;
    explicit ResponseHead(const Limits& limits) : limits_(limits) {}

    /// One line with its CR LF.
    Verdict add(std::string_view line);

    std::uint32_t status() const { return status_; }
    const std::string& reason() const { return reason_; }
    const std::string& protocol() const { return protocol_; }
    const std::vector<HttpHeader>& headers() const { return headers_; }
    std::uint64_t bytes() const { return bytes_; }
    bool is_final() const { return status_ >= 200; }

  private:
    void begin(std::string_view line);

    Limits limits_{};
    std::uint32_t status_ = 0;
    std::string reason_;
    std::string protocol_;
    std::vector<HttpHeader> headers_;
    std::uint64_t bytes_ = 0;
    unsigned interim_ = 0;
};

}  // namespace edge::probes
