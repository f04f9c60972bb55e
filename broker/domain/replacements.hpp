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
    /// yet, that is not down, of a node that is there and stays; of the same carrier if there is one, then of the node
    /// that has the least to do. Null: there is none. Valid until the next call.
    const Chosen* of(const Run& run, const LineRef& line);
    /// How often the fleet was gone through.
    std::size_t searches() const { return free_.size(); }

  private:
    std::vector<Chosen> free_lines(const Run& run) const;
    bool takes_work(const Chosen& one) const;

    const Fleet& fleet_;
    const Node& gone_;
    std::map<const Run*, std::vector<Chosen>> free_;
    std::map<const Node*, std::size_t> given_;  // tasks that are not in its list yet
    std::map<std::pair<const Run*, LineName>, std::optional<Chosen>> found_;
};

}  // namespace edge::broker
