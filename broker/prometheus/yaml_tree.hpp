// A YAML file as a tree that knows its lines, within bounds whatever the file holds. Pure.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/result.hpp"

namespace edge::broker::prometheus {

struct YamlNode;
/// Owners: every place that an alias put it to.
using YamlPtr = std::shared_ptr<const YamlNode>;

struct YamlNode {
    enum class Kind { null, scalar, list, map };
    Kind kind = Kind::null;
    int line = 0;  // from 1
    std::string text{};
    std::vector<YamlPtr> items{};
    std::vector<std::pair<YamlPtr, YamlPtr>> fields{};  // keys are scalars, no two the same
};

struct YamlLimits {
    std::size_t bytes = 256 * 1024;
    std::size_t depth = 16;
    std::size_t nodes = 20'000;
    std::size_t aliases = 256;
};

/// The first document. Errors, with `where` as FILE:LINE: bad_syntax, too_large, bad_value (a key that is no scalar or
/// stands twice, a second document).
Result<YamlPtr> parse_yaml(std::string_view text, const std::string& file, const YamlLimits& limits = {});

}  // namespace edge::broker::prometheus
