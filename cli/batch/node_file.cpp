#include "cli/batch/node_file.hpp"

#include <set>

#include "cli/batch/csv.hpp"
#include "protocol/link/labels.hpp"

namespace edge::cli {
namespace {

using Problems = std::vector<std::string>;

void tell(Problems& problems, std::size_t line, std::string what) {
    problems.push_back(std::to_string(line) + ": " + std::move(what));
}

void check_header(const CsvRow& header, Problems& problems) {
    if (header.fields.front() != "name")
        return tell(problems, header.line,
                    "the first column is \"" + header.fields.front() +
                        "\"; expected a first line that names the columns: name, then labels, as name,province,city");
    std::set<std::string> keys;
    for (const auto& key : header.fields) {
        if (key.empty() || key.size() > link::kLongestLabel)
            tell(problems, header.line, "column \"" + key + "\": a label's key has 1 to 63 bytes");
        if (!keys.insert(key).second) tell(problems, header.line, "column \"" + key + "\" is there twice");
    }
    if (header.fields.size() > link::kMostLabels + 1) tell(problems, header.line, "more than 32 labels");
}

}  // namespace

NodeFile read_node_file(std::string_view text) {
    NodeFile file;
    const auto parsed = parse_csv(text);
    if (!parsed) {
        file.problems.push_back(parsed.error().where + ": " + parsed.error().detail);
        return file;
    }
    const auto& rows = parsed.value();
    if (rows.size() < 2) {
        tell(file.problems, 1, "no nodes: expected a line that names the columns, and a line a node");
        return file;
    }
    const CsvRow& header = rows.front();
    check_header(header, file.problems);
    if (!file.problems.empty()) return file;
    std::map<NodeName, std::size_t> lines;
    for (std::size_t i = 1; i < rows.size(); ++i) {
        const CsvRow& row = rows[i];
        if (row.fields.size() != header.fields.size()) {
            tell(file.problems, row.line,
                 std::to_string(row.fields.size()) + " columns; the first line has " +
                     std::to_string(header.fields.size()));
            continue;
        }
        auto name = NodeName::parse(row.fields.front());
        if (!name) {
            tell(file.problems, row.line, "\"" + row.fields.front() + "\" is no node's name: " + name.error().detail);
            continue;
        }
        if (const auto [first, is_new] = lines.emplace(name.value(), row.line); !is_new) {
            tell(file.problems, row.line,
                 name.value().text() + " is there already, in line " + std::to_string(first->second));
            continue;
        }
        ListedNode node{std::move(name.value()), {}};
        for (std::size_t column = 1; column < row.fields.size(); ++column) {
            const std::string& value = row.fields[column];
            if (value.size() > link::kLongestLabel)
                tell(file.problems, row.line, header.fields[column] + ": a label's value has at most 63 bytes");
            if (!value.empty()) node.labels[header.fields[column]] = value;
        }
        file.nodes.push_back(std::move(node));
    }
    if (file.nodes.size() > NodeFile::kMostNodes)
        tell(file.problems, rows.back().line, "more than 10000 nodes; split the file");
    return file;
}

}  // namespace edge::cli
