#include "protocol/worker/frames.hpp"

#include "protocol/json/described.hpp"

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

std::string to_text(const Frame& frame) {
    return std::visit(
        [](const auto& one) {
            Json json = Json::object();
            json["t"] = type_name(one);
            json.update(encode(one));
            return dump_json(json);
        },
        frame);
}

template <class T>
Result<Frame> decode_as(const Json& json) {
    EDGE_TRY(auto one, decode<T>(json, UnknownFields::reject));
    return Frame(std::move(one));
}

}  // namespace

std::string encode_frame(const Frame& frame) {
    std::string text = to_text(frame);
    if (text.size() > kMaxFrame) {
        if (const auto* done = std::get_if<Done>(&frame)) {
            Done cut = *done;
            cut.report.detail = Json{{"truncated", true}};
            text = to_text(cut);
        }
    }
    std::string bytes(4, '\0');
    for (std::size_t i = 0; i < 4; ++i) bytes[i] = static_cast<char>(text.size() >> (24 - 8 * i));
    return bytes + text;
}

Result<Frame> decode_frame(std::string_view text) {
    // A detail stands two objects deep in a Done; one the agent takes must be one that the broker takes.
    EDGE_TRY(auto json, parse_json(text, JsonLimits{.bytes = kMaxFrame, .depth = kDetailDepth + 2}));
    if (!json.is_object() || !json.contains("t") || !json["t"].is_string())
        return Error{Errc::bad_value, "/t", "missing"};
    const std::string type = json["t"];
    json.erase("t");
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
