// What a started SELECT gives: its first row, or a page of them.
#pragma once
#include <cstdint>
#include <optional>
#include <utility>

#include "broker/store/cursor.hpp"
#include "broker/store/sqlite.hpp"
#include "broker/store/store.hpp"

namespace edge::broker {

/// The first row of a started statement, if there is one.
template <class T, class Read>
Result<std::optional<T>> first_row(sqlite::Statement& statement, Read read) {
    EDGE_TRY(const bool found, statement.next());
    if (!found) return std::optional<T>();
    EDGE_TRY(auto value, read(statement));
    EDGE_TRY(statement.next());  // to its end, so that the read transaction closes
    return std::optional<T>(std::move(value));
}

inline std::size_t of_no_weight(sqlite::Statement&) {
    return 0;
}

inline Place by_key(sqlite::Statement& row) {
    return {0, row.integer(0)};
}

/// Rows of a statement that was started with a limit of one more than the page holds; `place` is what the list goes
/// by. The page ends before the row that would make it heavier than kMostPageBytes, unless that is its first.
template <class T, class Read>
Result<Page<T>> read_page(sqlite::Statement& statement, std::uint32_t limit, char kind, Read read,
                          std::size_t (*weight)(sqlite::Statement&) = of_no_weight,
                          Place (*place)(sqlite::Statement&) = by_key) {
    Page<T> page;
    Place last;
    std::size_t bytes = 0;
    while (true) {
        EDGE_TRY(const bool more, statement.next());
        if (!more) return page;
        bytes += weight(statement);
        if (page.items.size() == limit || (!page.items.empty() && bytes > kMostPageBytes)) {
            page.next_cursor = make_cursor(kind, last);
            statement.stop();
            return page;
        }
        last = place(statement);
        EDGE_TRY(auto one, read(statement));
        page.items.push_back(std::move(one));
    }
}

}  // namespace edge::broker
