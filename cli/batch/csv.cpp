#include "cli/batch/csv.hpp"

#include <algorithm>

namespace edge::cli {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

/// One pass over the text; `line_` counts its ends, also those in quotes.
class Reader {
  public:
    explicit Reader(std::string_view text) : rest_(text) {}

    Result<std::vector<CsvRow>> rows() {
        std::vector<CsvRow> all;
        while (!rest_.empty()) {
            if (skip_line_end()) continue;
            CsvRow row{line_, {}};
            do {
                auto field = rest_.starts_with('"') ? quoted() : Result<std::string>(plain());
                if (!field) return field.error();
                row.fields.push_back(std::move(field.value()));
            } while (skip(','));
            if (!rest_.empty() && !skip_line_end())
                return wrong("expected a comma or the end of the line behind \"" + row.fields.back() + "\"");
            all.push_back(std::move(row));
        }
        return all;
    }

  private:
    Error wrong(std::string what) const { return {Errc::bad_syntax, std::to_string(line_), std::move(what)}; }
    bool skip(char wanted) {
        if (!rest_.starts_with(wanted)) return false;
        rest_.remove_prefix(1);
        return true;
    }
    bool skip_line_end() {
        const bool is_pair = rest_.starts_with("\r\n");
        if (!is_pair && !rest_.starts_with('\n')) return false;
        rest_.remove_prefix(is_pair ? 2 : 1);
        ++line_;
        return true;
    }
    std::string plain() {
        const std::size_t size = std::min(rest_.size(), rest_.find_first_of(",\r\n\""));
        std::string field(rest_.substr(0, size));
        rest_.remove_prefix(size);
        return field;
    }
    Result<std::string> quoted() {
        const std::size_t began = line_;
        rest_.remove_prefix(1);
        std::string field;
        while (true) {
            const std::size_t size = rest_.find('"');
            if (size == std::string_view::npos)
                return Error{Errc::bad_syntax, std::to_string(began), "a quote that begins here never ends"};
            const std::string_view part = rest_.substr(0, size);
            line_ += static_cast<std::size_t>(std::ranges::count(part, '\n'));
            field += part;
            rest_.remove_prefix(size + 1);
            if (!skip('"')) return field;
            field += '"';  // a doubled one
        }
    }

    std::string_view rest_;
    std::size_t line_ = 1;
};

/// Bare it would end a field or a line, or be taken for the mark of a whole file.
bool needs_quotes(std::string_view field) {
    return field.find_first_of(",\"\r\n") != std::string_view::npos || field.starts_with(kByteOrderMark);
}

}  // namespace

Result<std::vector<CsvRow>> parse_csv(std::string_view text) {
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    return Reader(text).rows();
}

std::string csv_line(const std::vector<std::string>& fields) {
    if (fields.size() == 1 && fields.front().empty()) return "\"\"\n";  // an empty line would be none
    std::string line;
    for (const auto& field : fields) {
        if (&field != &fields.front()) line += ',';
        if (!needs_quotes(field)) {
            line += field;
            continue;
        }
        line += '"';
        for (const char c : field) line.append(c == '"' ? 2 : 1, c);
        line += '"';
    }
    return line + "\n";
}

}  // namespace edge::cli
