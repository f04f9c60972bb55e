// nodes.csv: the machines of a fleet, a line each: its name, and labels that are preset for it. Pure.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/ids.hpp"

namespace edge::cli {

struct ListedNode {
    NodeName name;
    std::map<std::string, std::string> labels;
};

struct NodeFile {
    static constexpr std::size_t kMostNodes = 10'000;
    std::vector<ListedNode> nodes;
    std::vector<std::string> problems;  // `LINE: what is wrong`, all there are; then the nodes are of no use
};

/// The first line names the columns: `name`, then labels' keys. An empty cell is no label.
NodeFile read_node_file(std::string_view text);

}  // namespace edge::cli
