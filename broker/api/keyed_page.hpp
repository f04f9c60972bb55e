// A page of what the domain gives whole.
#pragma once
#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/api/views_json.hpp"

namespace edge::broker::api {

struct KeyedItem {
    std::string key;
    std::string text;
};

/// A page of what the domain gives whole: after the key that the cursor names, in the order of keys.
inline std::string keyed_page(std::vector<KeyedItem> items, const PageRequest& page) {
    std::sort(items.begin(), items.end(), [](const KeyedItem& a, const KeyedItem& b) { return a.key < b.key; });
    std::vector<std::string> texts;
    std::optional<std::string> next;
    for (auto at = std::upper_bound(items.begin(), items.end(), page.cursor,
                                    [](const std::string&cursor, const KeyedItem&item) { return cursor < item.key; });
         at != items.end(); ++at) {
        if (texts.size() == page.limit) {
            next = std::prev(at)->key;
            break;
        }
        texts.push_back(std::move(at->text));
    }
    return page_text(texts, next);
}

}  // namespace edge::broker::api
