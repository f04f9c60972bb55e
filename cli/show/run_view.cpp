#include "cli/show/run_view.hpp"

#include <chrono>
#include <limits>

#include "cli/show/line_table.hpp"
#include "cli/show/live_area.hpp"

namespace edge::cli {
namespace {

Detail detail_of(Format format) {
    return format == Format::wide ? Detail::wide : Detail::normal;
}

/// A terminal: the whole table, painted again at most ten times a second.
class PaintedView final : public RunView {
  public:
    PaintedView(Format format, const Screen& screen) : detail_(detail_of(format)), screen_(screen), area_(screen.out) {}

    void update(RunState& state) override {
        const auto now = std::chrono::steady_clock::now();
        if (!state.is_known() || now - painted_at_ < std::chrono::milliseconds(100)) return;
        painted_at_ = now;
        state.take_fresh();
        paint(state, Part::window);
    }
    void trouble(const std::string& what) override { trouble_ = what; }
    void finish(RunState& state) override {
        trouble_.clear();
        if (state.is_known()) paint(state, Part::all);
        area_.close();
    }

  private:
    enum class Part { window, all };
    void paint(const RunState& state, Part part) {
        const WindowSize window = window_size(screen_.out);
        const std::size_t room = window.rows > 4 ? window.rows - 3 : 1;  // the summary and the cursor's line are below
        const std::size_t most = part == Part::all ? std::numeric_limits<std::size_t>::max() : room;
        const bool by_line = is_told_by_line(state);
        const std::size_t rows = by_line ? state.lines().size() : state.rows().size();
        auto lines = lines_of(by_line ? line_table(state, detail_) : probe_table(state, detail_, most), window.columns,
                              screen_.out_style);
        if (part == Part::window && rows + 1 > room) {
            lines.resize(room - 1);
            const std::size_t shown = room > 2 ? room - 2 : 0;  // without the header
            lines.push_back(screen_.out_style.paint("… " + std::to_string(rows - shown) + " more", Tone::dim));
        }
        lines.push_back(screen_.out_style.paint(cut(summary_line(state), window.columns), Tone::bold));
        if (!trouble_.empty()) lines.push_back(screen_.out_style.paint(cut(trouble_, window.columns), Tone::warn));
        area_.paint(lines);
    }

    Detail detail_;
    Screen screen_;
    LiveArea area_;
    std::string trouble_;
    std::chrono::steady_clock::time_point painted_at_{};
};

constexpr std::size_t kLongestAddress = 47;  // of IPv6, in brackets and with a port

/// A pipe or a log: a line for each answer as it comes, in columns that do not move. Of a run that is told by line, a
/// line for each line as it ends.
class LogView final : public RunView {
  public:
    LogView(Format format, const Screen& screen) : detail_(detail_of(format)), screen_(screen) {}

    void update(RunState& state) override {
        const auto fresh = state.take_fresh();
        if (!frame_ && !fresh.empty()) begin(state);
        if (frame_ && by_line_) return print_ended_lines(state);
        for (const std::size_t at : fresh) print_task(state, state.rows()[at]);
    }
    void trouble(const std::string& what) override {
        if (!what.empty()) screen_.say(what);
    }
    void finish(RunState& state) override {
        update(state);
        if (!frame_ && is_told_by_line(state)) begin(state);
        if (by_line_) {
            print_lines(state, Which::all);
        } else {
            for (const auto& row : state.rows()) {
                if (!row.result && has_ended(row)) print_task(state, row);
            }
        }
        if (state.is_known()) screen_.say(summary_line(state));
    }

  private:
    enum class Which { ended, all };

    /// Each look adds the whole run up, so not at each of its thousand results.
    void print_ended_lines(const RunState& state) {
        const auto now = std::chrono::steady_clock::now();
        if (now - looked_at_ < std::chrono::milliseconds(100)) return;
        looked_at_ = now;
        print_lines(state, Which::ended);
    }
    void print_lines(const RunState& state, Which which) {
        const auto lines = figures_of_lines(state);
        is_printed_.resize(lines.size());
        for (std::size_t i = 0; i < lines.size(); ++i) {
            if (is_printed_[i] || (which == Which::ended && !lines[i].has_ended())) continue;
            is_printed_[i] = true;
            print(line_cells(state, lines[i], detail_));
        }
    }
    void print_task(const RunState& state, const Row& row) {
        if (!frame_) begin(state);
        print(probe_cells(state, row, detail_));
    }
    void print(const std::vector<Cell>& cells) {
        widen(cells);
        screen_.print(row_line(*frame_, cells, widths_, screen_.out_style, Overflow::keep) + "\n");
    }
    /// A column stays as wide as an address in it needed.
    void widen(const std::vector<Cell>& cells) {
        for (std::size_t i = kNames; i < cells.size(); ++i) {
            if (widths_[i])
                *widths_[i] = std::max(*widths_[i], std::min(display_width(cells[i].text), kLongestAddress));
        }
    }
    /// Names are known from the start; what is not gets its usual room, or what the first answers take. What is longer
    /// than an address pushes the rest of its line.
    void begin(const RunState& state) {
        by_line_ = is_told_by_line(state);
        Table frame = by_line_ ? line_table(state, detail_) : probe_table(state, detail_);
        for (std::size_t i = kNames; i < frame.columns.size(); ++i) {
            auto& column = frame.columns[i];
            column.typical = std::max({column.typical, column.usual, display_width(column.title)});
        }
        const auto first = std::exchange(frame.rows, {});
        for (const auto& row : first) frame.rows.emplace_back(row.begin(), row.begin() + kNames);
        widths_ = fit(frame, std::nullopt);
        for (const auto& row : first) widen(row);
        frame.rows.clear();
        screen_.print(header_line(frame, widths_, screen_.out_style) + "\n");
        frame_ = std::move(frame);
    }

    Detail detail_;
    Screen screen_;
    std::optional<Table> frame_;
    Widths widths_;
    bool by_line_ = false;
    std::vector<bool> is_printed_;
    std::chrono::steady_clock::time_point looked_at_{};
};

/// A result a line, as it comes.
class JsonLinesView final : public RunView {
  public:
    explicit JsonLinesView(const Screen& screen) : screen_(screen) {}
    void update(RunState& state) override {
        for (const std::size_t at : state.take_fresh()) screen_.print(printable_json(state.rows()[at].raw) + "\n");
    }
    void trouble(const std::string& what) override {
        if (!what.empty()) screen_.say(what);
    }
    void finish(RunState& state) override { update(state); }

  private:
    Screen screen_;
};

/// One array, at the end.
class JsonView final : public RunView {
  public:
    explicit JsonView(const Screen& screen) : screen_(screen) {}
    void update(RunState&) override {}
    void trouble(const std::string& what) override {
        if (!what.empty()) screen_.say(what);
    }
    void finish(RunState& state) override {
        std::string text = "[";
        for (const auto& row : state.rows()) {
            if (!row.result) continue;
            text += text.size() > 1 ? ",\n  " : "\n  ";
            text += printable_json(row.raw);
        }
        screen_.print(text + (text.size() > 1 ? "\n]\n" : "]\n"));
    }

  private:
    Screen screen_;
};

}  // namespace

std::optional<std::size_t> Screen::width() const {
    return out_is_terminal ? std::optional(window_size(out).columns) : std::nullopt;
}

void Screen::say(const std::string& narration) const {
    std::fputs((narration + "\n").c_str(), err);
    std::fflush(err);
}

void Screen::print(const std::string& data) const {
    std::fwrite(data.data(), 1, data.size(), out);
    std::fflush(out);
}

std::unique_ptr<RunView> make_run_view(Format format, const Screen& screen) {
    switch (format) {
        case Format::json:
            return std::make_unique<JsonView>(screen);
        case Format::jsonl:
            return std::make_unique<JsonLinesView>(screen);
        case Format::table:
        case Format::wide:
            break;
    }
    if (screen.can_paint) return std::make_unique<PaintedView>(format, screen);
    return std::make_unique<LogView>(format, screen);
}

}  // namespace edge::cli
