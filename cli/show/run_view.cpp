#include "cli/show/run_view.hpp"

#include <chrono>

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
        auto lines = lines_of(probe_table(state, detail_), window.columns, screen_.out_style);
        const std::size_t room = window.rows > 4 ? window.rows - 3 : 1;  // the summary and the cursor's line are below
        if (part == Part::window && lines.size() > room) {
            const std::size_t hidden = lines.size() - room + 1;
            lines.resize(room - 1);
            lines.push_back(screen_.out_style.paint("… " + std::to_string(hidden) + " more lines", Tone::dim));
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

/// A pipe or a log: a line for each answer as it comes, in columns that do not move.
class LineView final : public RunView {
  public:
    LineView(Format format, const Screen& screen) : detail_(detail_of(format)), screen_(screen) {}

    void update(RunState& state) override {
        for (const std::size_t at : state.take_fresh()) print(state, state.rows()[at]);
    }
    void trouble(const std::string& what) override {
        if (!what.empty()) screen_.say(what);
    }
    void finish(RunState& state) override {
        update(state);
        for (const auto& row : state.rows()) {
            if (!row.result && has_ended(row)) print(state, row);
        }
        if (state.is_known()) screen_.say(summary_line(state));
    }

  private:
    void print(const RunState& state, const Row& row) {
        if (widths_.empty()) begin(state);
        const auto cells = probe_cells(state.run().service, row, detail_);
        screen_.print(row_line(frame_, cells, widths_, screen_.out_style, Overflow::keep) + "\n");
    }
    /// Names are known from the start; what is not gets its usual room, and pushes the rest of its line when it is
    /// longer.
    void begin(const RunState& state) {
        frame_ = probe_table(state, detail_);
        for (auto& column : frame_.columns) column.typical = std::max(column.typical, display_width(column.title));
        for (auto& row : frame_.rows) row.resize(4);
        widths_ = fit(frame_, std::nullopt);
        frame_.rows.clear();
        screen_.print(header_line(frame_, widths_, screen_.out_style) + "\n");
    }

    Detail detail_;
    Screen screen_;
    Table frame_;
    Widths widths_;
};

/// A result a line, as it comes.
class JsonLinesView final : public RunView {
  public:
    explicit JsonLinesView(const Screen& screen) : screen_(screen) {}
    void update(RunState& state) override {
        for (const std::size_t at : state.take_fresh())
            screen_.print(printable_json(dump_json(state.rows()[at].raw)) + "\n");
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
            text += printable_json(dump_json(row.raw));
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
    return std::make_unique<LineView>(format, screen);
}

}  // namespace edge::cli
