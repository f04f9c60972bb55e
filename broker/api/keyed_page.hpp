// A page of what the domain gives whole.
#pragma once
#include <algorithm>
#include <vector>

#include "broker/domain/views.hpp"

namespace edge::broker::api {

/// After the id that the cursor names, in the order of ids. Errors: bad_value (a cursor that is no such id).
template <class T>
Result<Page<T>> keyed_page(std::vector<T> items, const PageRequest& request) {
    if (!request.cursor.empty() && !decltype(T::id)::parse(request.cursor))
        return Error{Errc::bad_value, "/cursor", "not a cursor of this list; leave it out to begin at the start"};
    std::ranges::sort(items, {}, [](const T& item) { return item.id.text(); });
    Page<T> page;
    for (auto& item : items) {
        if (item.id.text() <= request.cursor) continue;
        if (page.items.size() == request.limit) {
            page.next_cursor = page.items.back().id.text();
            break;
        }
        page.items.push_back(std::move(item));
    }
    return page;
}

}  // namespace edge::broker::api
