// A regular expression of a module file. RE2: the syntax that blackbox_exporter's files are written in, and time linear
// in the text, whatever expression and text are.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace re2 {
class RE2;
}

namespace edge::broker::prometheus {

class Pattern {
  public:
    /// Errors: bad_value (no regular expression), too_large (its program).
    static Result<Pattern> compile(const std::string& text);
    /// Anywhere in it.
    bool matches(std::string_view text) const;
    const std::string& text() const;

  private:
    explicit Pattern(std::shared_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}
    std::shared_ptr<const re2::RE2> compiled_;  // owners: the modules it is in
};

}  // namespace edge::broker::prometheus
