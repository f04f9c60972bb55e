// The ways a run is shown while it goes on: painted, line by line, or as JSON.
#pragma once
#include <cstdio>
#include <memory>
#include <string>

#include "cli/run/run_state.hpp"
#include "cli/show/probe_table.hpp"
#include "cli/show/style.hpp"

namespace edge::cli {

enum class Format { table, wide, json, jsonl };

/// Where words go: data to `out`, narration to `err`.
struct Screen {
    std::FILE* out = stdout;
    std::FILE* err = stderr;
    bool out_is_terminal = false;
    Style out_style{};
    Style err_style{};
    bool can_paint = false;  // `out` is a terminal that can move its cursor
    /// Columns of `out` if it is a terminal.
    std::optional<std::size_t> width() const;
    void say(const std::string& narration) const;  // a line to `err`
    void print(const std::string& data) const;     // to `out`, at once
};

class RunView {
  public:
    virtual ~RunView() = default;
    /// Something happened, or time passed. Called as often as one likes.
    virtual void update(RunState& state) = 0;
    /// The broker is away; empty: it is back.
    virtual void trouble(const std::string& what) = 0;
    /// The end: all that is known is shown.
    virtual void finish(RunState& state) = 0;
};

std::unique_ptr<RunView> make_run_view(Format format, const Screen& screen);

}  // namespace edge::cli
