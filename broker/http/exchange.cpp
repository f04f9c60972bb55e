#include "broker/http/exchange.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include "broker/http/problem.hpp"

namespace edge::http {

namespace asio = boost::asio;

QueuedStream::QueuedStream(const asio::any_io_executor& executor, Response head, StreamBounds bounds)
    : head_(std::move(head)), bounds_(bounds), wake_(executor) {
    wake_.expires_at(asio::steady_timer::time_point::max());
}

bool QueuedStream::send(std::string chunk, Kind kind) {
    const std::size_t bound = kind == Kind::droppable ? bounds_.droppable_bytes : bounds_.kept_bytes;
    if (gone_ || closed_ || queued_ + chunk.size() > bound) return false;
    push(std::move(chunk));
    return true;
}

void QueuedStream::push(std::string chunk) {
    if (chunk.empty()) return;
    queued_ += chunk.size();
    queue_.push_back(std::move(chunk));
    wake_.cancel();
}

void QueuedStream::close(std::string farewell) {
    if (gone_ || closed_) return;
    push(std::move(farewell));
    closed_ = true;
    wake_.cancel();
}

void QueuedStream::when_room(std::function<void()> callback) {
    on_room_ = std::move(callback);
    tell_room();
}

void QueuedStream::tell_room() {
    if (on_room_ && !gone_ && !closed_ && queued_ <= bounds_.droppable_bytes) std::exchange(on_room_, nullptr)();
}

void QueuedStream::on_end(std::function<void()> callback) {
    on_end_ = std::move(callback);
    if (gone_) ended();
}

std::string QueuedStream::take(std::size_t most) {
    std::string text;
    while (!queue_.empty() && (text.empty() || text.size() + queue_.front().size() <= most)) {
        text += queue_.front();
        queued_ -= queue_.front().size();
        queue_.pop_front();
    }
    tell_room();
    return text;
}

void QueuedStream::client_gone() {
    gone_ = true;
    queue_.clear();
    on_room_ = nullptr;
    wake_.cancel();
}

void QueuedStream::ended() {
    gone_ = true;
    on_room_ = nullptr;
    if (on_end_) std::exchange(on_end_, nullptr)();
}

void Answer::end() {
    over = true;
    for (const auto& timer : timers) timer->cancel();
    timers.clear();
}

LiveExchange::LiveExchange(asio::any_io_executor executor, std::weak_ptr<Client> client, std::shared_ptr<Answer> answer,
                           StreamBounds bounds, std::string path, std::string request_id)
    : executor_(std::move(executor)),
      client_(std::move(client)),
      answer_(std::move(answer)),
      bounds_(bounds),
      path_(std::move(path)),
      request_id_(std::move(request_id)) {}

LiveExchange::~LiveExchange() {
    if (answered_) return;
    spdlog::error("http.unanswered path=\"{}\" request_id={}", path_, request_id_);
    reply(problem_response({Code::internal, "no answer was made", {}}, path_, request_id_));
}

void LiveExchange::reply(Response response) {
    if (answered_.exchange(true)) return;
    asio::dispatch(executor_, [answer = answer_, response = std::move(response)]() mutable {
        answer->response = std::move(response);
        answer->wake.cancel();
    });
}

void LiveExchange::post(std::function<void()> work) {
    asio::dispatch(executor_, std::move(work));
}

std::shared_ptr<Stream> LiveExchange::stream(Response head) {
    auto stream = std::make_shared<QueuedStream>(executor_, std::move(head), bounds_);
    if (answered_.exchange(true)) {
        stream->client_gone();
        return stream;
    }
    answer_->stream = stream;
    answer_->wake.cancel();
    return stream;
}

void LiveExchange::upgrade(std::function<void(Upgraded&)> take) {
    if (answered_.exchange(true)) return;
    answer_->upgrade = std::move(take);
    answer_->wake.cancel();
}

void LiveExchange::after(std::uint32_t ms, std::function<void()> callback) {
    if (answer_->over) return;
    auto timer = std::make_shared<asio::steady_timer>(executor_, std::chrono::milliseconds(ms));
    answer_->timers.insert(timer);
    timer->async_wait([answer = answer_, timer, callback = std::move(callback)](boost::system::error_code failed) {
        answer->timers.erase(timer);
        if (!failed && !answer->over) callback();
    });
}

std::string LiveExchange::exported_key(std::string_view label) {
    const auto client = client_.lock();
    return client ? client->exported_key(label) : std::string{};
}

void LiveExchange::authenticated() {
    asio::dispatch(executor_, [client = client_] {
        if (const auto one = client.lock()) one->authenticated();
    });
}

}  // namespace edge::http
