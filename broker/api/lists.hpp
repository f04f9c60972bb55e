// A list's answer: a page as JSON, or, with `Accept: text/csv` or `application/x-ndjson`, all that match, streamed.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/api/call.hpp"
#include "broker/api/csv.hpp"
#include "broker/api/views_json.hpp"

namespace edge::broker::api {

enum class ListForm { page, csv, ndjson };
/// What `Accept` asks for; a page when it names neither of the others. Source: RFC 9110 section 12.5.1, without
/// weights.
ListForm list_form(const http::Request& request);

/// How an item is shown.
template <class T>
struct ListShape {
    std::vector<std::string> columns;  // of CSV
    std::string (*json)(const T&);
    std::vector<std::string> (*cells)(const T&);
};

struct TextPage {
    std::vector<std::string> items;
    std::optional<std::string> next_cursor;
    std::optional<std::uint64_t> total;
};
using TakePage = std::function<void(Result<TextPage>)>;
using AskPage = std::function<void(ListRequest, ListForm, TakePage)>;

/// Asks for one page or, one after another, for all, each when the client has read what came before.
void reply_pages(CallPtr call, const std::vector<std::string>& columns, AskPage ask);

/// `ask` has a page from the domain. Views become text on the connection's thread.
template <class T, class Ask>
void reply_list(CallPtr call, const ListShape<T>& shape, Ask ask) {
    auto pages = [call, &shape, ask](ListRequest list, ListForm form, TakePage take) {
        ask(call->domain, std::move(list), [call, &shape, form, take = std::move(take)](Result<Page<T>> found) {
            call->exchange->post([&shape, form, take, found = std::move(found)] {
                if (!found) return take(found.error());
                TextPage page{{}, found.value().next_cursor, found.value().total};
                for (const T& item : found.value().items)
                    page.items.push_back(form == ListForm::csv ? csv_row(shape.cells(item)) : shape.json(item));
                take(std::move(page));
            });
        });
    };
    reply_pages(std::move(call), shape.columns, std::move(pages));
}

}  // namespace edge::broker::api
