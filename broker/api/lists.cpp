#include "broker/api/lists.hpp"

#include "broker/http/text.hpp"

namespace edge::broker::api {
namespace {

constexpr std::uint32_t kExportedAtOnce = 500;

/// Executor: the connection's thread. Owners: a page that is asked for, and the stream that has no room for it yet.
class Export : public std::enable_shared_from_this<Export> {
  public:
    Export(CallPtr call, std::vector<std::string> columns, AskPage ask, ListRequest list, ListForm form)
        : call_(std::move(call)),
          columns_(std::move(columns)),
          ask_(std::move(ask)),
          list_(std::move(list)),
          form_(form) {}

    void go_on() {
        ask_(list_, form_, [self = shared_from_this()](Result<TextPage> page) { self->take(std::move(page)); });
    }

  private:
    void take(Result<TextPage> page) {
        if (!page && !stream_) return call_->refuse(page.error());
        if (!page) return stream_->abort();
        if (!stream_) open();
        std::string text;
        for (const auto& item : page.value().items) {
            text += item;
            if (form_ == ListForm::ndjson) text += '\n';
        }
        if (!text.empty() && !stream_->send(std::move(text), http::Stream::Kind::kept)) return stream_->abort();
        if (!page.value().next_cursor) return stream_->close();
        list_.page.cursor = *page.value().next_cursor;
        stream_->when_room([self = shared_from_this()] { self->go_on(); });
    }

    void open() {
        const bool csv = form_ == ListForm::csv;
        stream_ = call_->exchange->stream({200,
                                           csv ? "text/csv; charset=utf-8; header=present" : "application/x-ndjson",
                                           {{"Cache-Control", "no-store"}},
                                           {}});
        if (csv) stream_->send(csv_row(columns_), http::Stream::Kind::kept);
    }

    CallPtr call_;
    std::vector<std::string> columns_;
    AskPage ask_;
    ListRequest list_;
    ListForm form_;
    std::shared_ptr<http::Stream> stream_;  // owners: this, the connection
};

}  // namespace

ListForm list_form(const http::Request& request) {
    std::string_view rest = request.header("accept");
    while (!rest.empty()) {
        const std::string_view item = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(rest.size(), item.size() + 1));
        const std::string_view type = http::trim(item.substr(0, item.find(';')));
        if (http::equal_without_case(type, "text/csv")) return ListForm::csv;
        if (http::equal_without_case(type, "application/x-ndjson")) return ListForm::ndjson;
    }
    return ListForm::page;
}

void reply_pages(CallPtr call, const std::vector<std::string>& columns, AskPage ask) {
    auto page = page_in_query(*call);
    if (!page) return;
    ListRequest list{{}, {}, std::move(*page)};
    if (const auto q = call->query.find("q"); q != call->query.end()) list.q = q->second;
    if (const auto sort = call->query.find("sort"); sort != call->query.end()) list.sort = sort->second;
    const ListForm form = list_form(call->request);
    if (form == ListForm::page) {
        const TakePage take = [call](Result<TextPage> found) {
            if (!found) return call->refuse(found.error());
            const TextPage& text = found.value();
            call->reply(200, page_text(text.items, text.next_cursor, text.total), {{"Vary", "Accept"}});
        };
        return ask(std::move(list), form, take);
    }
    for (const char* parameter : {"limit", "cursor"}) {
        if (call->query.contains(parameter))
            return call->refuse(Error{Errc::bad_value, "/" + std::string(parameter), "an export is of the whole list"});
    }
    list.page.limit = kExportedAtOnce;
    std::make_shared<Export>(std::move(call), columns, std::move(ask), std::move(list), form)->go_on();
}

}  // namespace edge::broker::api
