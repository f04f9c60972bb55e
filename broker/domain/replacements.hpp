// Which lines are asked in place of those of a node that is gone. Pure.
#pragma once
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "broker/domain/choice.hpp"

namespace edge::broker {

/// All that is found in place of one node's lines, at one moment.
class Replacements {
  public:
    Replacements(const Fleet& fleet, const Node& gone) : fleet_(fleet), gone_(gone) {}

    /// In place of this line, always the same for a run: one that the run's selector names and that it does not ask
    /// yet, of a node that is there; of the same carrier if there is one, then of the node that has the least to do.
    /// Null: there is none. Valid until the next call.
    const Chosen* of(const Run& run, const LineRef& line);

  private:
    std::vector<Chosen> free_lines(const Run& run) const;

    const Fleet& fleet_;
    const Node& gone_;
    std::map<const Run*, std::vector<Chosen>> free_;
    std::map<std::pair<const Run*, LineName>, std::optional<Chosen>> found_;
};

}  // namespace edge::broker
