// How much of a server's text a report keeps, so that it fits one frame whatever the server sends. Pure.
#pragma once
#include <string>
#include <string_view>

#include "probes/text_budget.hpp"
#include "protocol/probes/report.hpp"

namespace edge::probes {

class KeptAnswer {
  public:
    /// Drops the headers (and marks it) that do not fit what is left for all hops together.
    void trim(HttpHop& hop);
    /// As text where it is UTF-8 and JSON writes it in about its size, as base64 otherwise; of the last hop only.
    static void keep_body(std::string_view body, HttpDetail& detail);

  private:
    TextBudget headers_{64 * 1024};
    std::size_t lines_left_ = 1024;
};

/// Source: RFC 3629 section 4. NUL counts as not text.
bool is_utf8_text(std::string_view bytes);

}  // namespace edge::probes
