#include "protocol/worker/frames.hpp"

#include "protocol/cut_text.hpp"
#include "protocol/json/text.hpp"

namespace edge::worker {
namespace {

constexpr const char* type_name(const Run&) {
    return "run";
}
constexpr const char* type_name(const Cancel&) {
    return "cancel";
}
constexpr const char* type_name(const Ready&) {
    return "ready";
}
constexpr const char* type_name(const Progress&) {
    return "progress";
}
constexpr const char* type_name(const Done&) {
    return "done";
}

template <class T>
void add_detail(std::string&, const T&) {}
void add_detail(std::string& text, const Done& done) {
    if (!done.report.detail.text.empty()) text.append(1, '\n').append(done.report.detail.text);
}

std::string to_text(const Frame& frame) {
    return std::visit(
        [](const auto& one) {
            std::string text = "{\"t\":\"";
            text.append(type_name(one)).push_back('"');
            write_members(text, one, false);
            text.push_back('}');
            add_detail(text, one);
            return text;
        },
        frame);
}

template <class T>
Result<Frame> decode_as(Json& json) {
    EDGE_TRY(auto one, decode<T>(std::move(json), UnknownFields::reject));
    return Frame(std::move(one));
}

Result<Frame> decode_done(Json& json, std::string_view detail) {
    // One that the agent takes must be one that the broker takes, and a line of a message.
    EDGE_TRY(check_json(detail, JsonLimits{.bytes = kMaxFrame, .depth = kDetailDepth}));
    if (!detail.starts_with('{') || detail.find('\n') != std::string_view::npos)
        return Error{Errc::bad_value, "/detail", "expected an object on one line"};
    EDGE_TRY(auto done, decode<Done>(std::move(json), UnknownFields::reject));
    done.report.detail = JsonText(std::string(detail));
    return Frame(std::move(done));
}

// Each gives a frame that fits, whatever it held: a frame above kMaxFrame costs its worker's life at the other end.

Frame cut_to_fit(Run run) {
    run.params = Json::object();
    return run;
}
Frame cut_to_fit(Cancel cancel) {
    return cancel;
}
Frame cut_to_fit(Ready ready) {
    cut_text(ready.version, kMaxCode);
    cut_text(ready.sandbox, kMaxCode);
    return ready;
}
Frame cut_to_fit(Progress progress) {
    progress.data = Json{{"truncated", true}};
    return progress;
}
Frame cut_to_fit(Done done) {
    const auto fits = [&] { return to_text(done).size() <= kMaxFrame; };
    ProbeReport& report = done.report;
    report.detail = JsonText(std::string(kTruncatedDetail));
    if (!fits()) report.resolved.clear();
    if (fits()) return done;
    if (report.failure) {
        cut_text(report.failure->phase, kMaxCode);
        cut_text(report.failure->code, kMaxCode);
        cut_text(report.failure->text, kMaxFailureText);
    }
    if (report.summary.code) cut_text(*report.summary.code, kMaxCode);
    // Not shortened: a hop left out would be a hop not verified. Without any, the result is not verified at all.
    if (!fits()) report.sockets.clear();
    return done;
}

}  // namespace

std::string encode_frame(const Frame& frame) {
    std::string text = to_text(frame);
    if (text.size() > kMaxFrame) text = to_text(std::visit([](const auto& one) { return cut_to_fit(one); }, frame));
    std::string bytes(4, '\0');
    for (std::size_t i = 0; i < 4; ++i) bytes[i] = static_cast<char>(text.size() >> (24 - 8 * i));
    return bytes + text;
}

Result<Frame> decode_frame(std::string_view text) {
    const std::string_view line = text.substr(0, text.find('\n'));
    EDGE_TRY(auto json, parse_json(line, JsonLimits{.bytes = kMaxFrame, .depth = kDetailDepth + 2}));
    if (!json.is_object() || !json.contains("t") || !json["t"].is_string())
        return Error{Errc::bad_value, "/t", "missing"};
    const std::string type = json["t"];
    json.erase("t");
    if (line.size() < text.size()) {
        if (type != "done") return Error{Errc::bad_syntax, {}, "more than one line"};
        return decode_done(json, text.substr(line.size() + 1));
    }
    if (type == "run") return decode_as<Run>(json);
    if (type == "cancel") return decode_as<Cancel>(json);
    if (type == "ready") return decode_as<Ready>(json);
    if (type == "progress") return decode_as<Progress>(json);
    if (type == "done") return decode_as<Done>(json);
    return Error{Errc::bad_value, "/t", "unknown frame type"};
}

Result<std::optional<std::string>> FrameReader::next() {
    const std::size_t have = buffer_.size() - taken_;
    if (have < 4) return std::optional<std::string>{};
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(buffer_[taken_ + i]);
    if (length > kMaxFrame) return Error{Errc::too_large, {}, "a frame of " + std::to_string(length) + " bytes"};
    if (have < 4 + length) {
        if (taken_ > 0) {
            buffer_.erase(0, taken_);
            taken_ = 0;
        }
        return std::optional<std::string>{};
    }
    std::optional<std::string> frame(std::in_place, buffer_, taken_ + 4, length);
    taken_ += 4 + length;
    if (taken_ == buffer_.size()) {
        buffer_.clear();
        taken_ = 0;
    }
    return frame;
}

}  // namespace edge::worker
