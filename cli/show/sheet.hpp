// A title with what is known below it.
#pragma once
#include <string>

#include "cli/show/style.hpp"
#include "cli/show/text.hpp"

namespace edge::cli {

/// `name   value` lines, the names padded alike.
class Sheet {
  public:
    explicit Sheet(const Style& style) : style_(style) {}
    void title(const std::string& text) { text_ += style_.paint(text, Tone::bold) + "\n"; }
    void item(const std::string& name, const std::string& value, Tone tone = Tone::plain) {
        if (!value.empty())
            text_ += "  " + style_.paint(pad(name, 12, Align::left) + (name.size() >= 12 ? " " : ""), Tone::dim) +
                     style_.paint(value, tone) + "\n";
    }
    void line(const std::string& text) { text_ += text + "\n"; }
    const std::string& text() const { return text_; }

  private:
    Style style_;
    std::string text_;
};

}  // namespace edge::cli
