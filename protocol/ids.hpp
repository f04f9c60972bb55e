// Identifiers and names, each a type of its own. Text form of an id: a prefix and 26 base32 characters, `run_01j…`.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/codings.hpp"
#include "protocol/result.hpp"

namespace edge {

using Uuid = std::array<std::uint8_t, 16>;

/// UUID version 7 from a wall clock in milliseconds and 10 random bytes. Source: RFC 9562 section 5.7.
Uuid make_uuid7(std::uint64_t unix_ms, std::span<const std::uint8_t, 10> random);
/// UUID version 8 whose bits are the first of a hash: the same input names the same thing. Source: RFC 9562
/// section 5.8.
Uuid make_uuid8(std::span<const std::uint8_t> hash);

template <class Tag>
struct Id {
    Uuid bytes{};

    /// Errors: Errc::bad_value when the prefix, the length or a character is wrong.
    static Result<Id> parse(std::string_view text) {
        Id id;
        const std::string_view prefix = Tag::prefix;
        const bool fits = text.size() == prefix.size() + 27 && text.substr(0, prefix.size()) == prefix &&
                          text[prefix.size()] == '_' && from_base32(text.substr(prefix.size() + 1), id.bytes);
        if (!fits) return Error{Errc::bad_value, {}, "expected " + std::string(prefix) + "_ and 26 base32 characters"};
        return id;
    }
    std::string text() const { return std::string(Tag::prefix) + "_" + to_base32(bytes); }
    bool is_nil() const { return *this == Id{}; }
    friend auto operator<=>(const Id&, const Id&) = default;
};

#define EDGE_ID(Type, text_prefix)                              \
    struct Type##Tag {                                          \
        static constexpr std::string_view prefix = text_prefix; \
    };                                                          \
    using Type = Id<Type##Tag>

EDGE_ID(NodeId, "node");
EDGE_ID(JobId, "job");
EDGE_ID(RunId, "run");
EDGE_ID(TaskId, "task");
EDGE_ID(ResultId, "res");
EDGE_ID(SessionId, "ses");
EDGE_ID(SpoolId, "spool");
EDGE_ID(GenerationId, "gen");
EDGE_ID(TokenId, "tok");
EDGE_ID(WebhookId, "hook");
EDGE_ID(MessageId, "msg");
EDGE_ID(DeliveryId, "dlv");

/// Name of a line or a node: 1 to 31 of a-z 0-9 and '-', beginning with a letter or digit.
template <class Tag>
class Name {
  public:
    Name() = default;
    static Result<Name> parse(std::string_view text) {
        bool fits = !text.empty() && text.size() <= 31 && text.front() != '-';
        for (const char c : text) fits = fits && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-');
        if (!fits)
            return Error{Errc::bad_value, {}, "a name is 1 to 31 of a-z, 0-9 and '-', and does not begin with '-'"};
        Name name;
        name.text_ = text;
        return name;
    }
    const std::string& text() const { return text_; }
    friend auto operator<=>(const Name&, const Name&) = default;

  private:
    std::string text_;
};

using LineName = Name<struct LineNameTag>;
using NodeName = Name<struct NodeNameTag>;

}  // namespace edge

template <class Tag>
struct std::hash<edge::Id<Tag>> {
    std::size_t operator()(const edge::Id<Tag>& id) const noexcept {
        std::size_t value = 0;
        std::memcpy(&value, id.bytes.data() + 8, sizeof value);  // the random half
        return value;
    }
};
template <class Tag>
struct std::hash<edge::Name<Tag>> {
    std::size_t operator()(const edge::Name<Tag>& name) const noexcept { return std::hash<std::string>{}(name.text()); }
};
