// nodes.csv of an operator: what is read of it can be written and read again, and a node's name is one.
#include "cli/batch/csv.hpp"
#include "cli/batch/node_file.hpp"
#include "protocol/link/labels.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    const auto rows = cli::parse_csv(text);
    const auto file = cli::read_node_file(text);
    fuzz::demand(rows.has_value() || !file.problems.empty(), "what is no CSV is no list of nodes");
    if (rows) {
        std::string again;
        for (const auto& row : rows.value()) again += cli::csv_line(row.fields);
        const auto copy = cli::parse_csv(again);
        fuzz::demand(copy.has_value(), "what was written is read");
        fuzz::demand(copy.value().size() == rows.value().size(), "all of it");
        for (std::size_t i = 0; i < rows.value().size(); ++i)
            fuzz::demand(copy.value()[i].fields == rows.value()[i].fields, "as it was");
    }
    if (!file.problems.empty()) return 0;
    for (const auto& node : file.nodes) {
        fuzz::demand(NodeName::parse(node.name.text()).has_value(), "a name is one");
        fuzz::demand(link::are_labels(node.labels), "labels are within their bounds");
    }
    return 0;
}
