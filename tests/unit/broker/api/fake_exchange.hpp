// An exchange without a connection: keeps the answer, runs posted work in place and timers when told.
#pragma once
#include <optional>
#include <vector>

#include "broker/http/http.hpp"

namespace edge::broker::test {

class FakeStream final : public http::Stream {
  public:
    bool send(std::string chunk, Kind kind) override {
        if (closed || gone) return false;
        if (kind == Kind::droppable ? refuse_droppable : refuse_kept) return false;
        text += chunk;
        return true;
    }
    void close(std::string farewell) override {
        text += farewell;
        closed = true;
    }
    void abort() override { aborted = true; }
    void when_room(std::function<void()> callback) override {
        if (has_room) return callback();
        room = std::move(callback);
    }
    void on_end(std::function<void()> callback) override { ended = std::move(callback); }

    std::string text;
    bool refuse_droppable = false;
    bool refuse_kept = false;
    bool closed = false;
    bool aborted = false;
    bool gone = false;
    bool has_room = true;
    std::function<void()> room;
    std::function<void()> ended;
};

class FakeExchange final : public http::Exchange {
  public:
    void reply(http::Response given) override {
        if (!response && !stream_) response = std::move(given);
    }
    void post(std::function<void()> work) override { work(); }
    std::shared_ptr<http::Stream> stream(http::Response given) override {
        head = std::move(given);
        stream_ = std::make_shared<FakeStream>();
        stream_->has_room = has_room;
        return stream_;
    }
    void upgrade(std::function<void(http::Upgraded&)> take) override { upgraded = std::move(take); }
    void after(std::uint32_t ms, std::function<void()> callback) override {
        timers.emplace_back(ms, std::move(callback));
    }
    std::string exported_key(std::string_view) override { return exporter; }
    void authenticated() override { is_known = true; }

    /// Lets the timers that wait now fire.
    void fire() {
        for (auto& [ms, callback] : std::exchange(timers, {})) callback();
    }
    FakeStream& events() { return *stream_; }
    bool is_streaming() const { return stream_ != nullptr; }

    bool has_room = true;  // of the stream there will be
    std::string exporter;
    bool is_known = false;
    std::optional<http::Response> response;
    std::function<void(http::Upgraded&)> upgraded;
    http::Response head;
    std::vector<std::pair<std::uint32_t, std::function<void()>>> timers;

  private:
    std::shared_ptr<FakeStream> stream_;
};

}  // namespace edge::broker::test
