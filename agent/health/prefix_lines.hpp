// The operator's file of prefixes: `PREFIX ASN [carrier]` a line, in any order. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/ip.hpp"

namespace edge::agent {

/// Whose network an address is of.
struct Origin {
    std::uint32_t asn = 0;
    std::string carrier;  // as lines.toml names it; empty: the file does not say
    std::string text() const;
    friend bool operator==(const Origin&, const Origin&) = default;
};

/// `AS4134`.
std::string asn_text(std::uint32_t asn);
/// `AS4134` or `4134`, 1 to 4294967295.
std::optional<std::uint32_t> parse_asn(std::string_view text);

inline constexpr std::size_t kMostPrefixLines = 1'000'000;

/// Reads the file as it comes, piece by piece, and remembers nothing of it but the longest match of each address.
class PrefixLines {
  public:
    /// `file` is only used in messages.
    PrefixLines(std::string file, std::vector<IpAddress> wanted);

    void push(std::string_view piece);
    /// After the last piece.
    void finish();
    /// In the order asked for; empty where no prefix holds the address.
    std::vector<std::optional<Origin>> found() const;
    /// What is wrong, `where` being FILE:LINE; after twenty the rest is not looked at.
    const std::vector<Error>& problems() const { return problems_; }

  private:
    struct Match {
        IpAddress address;
        std::optional<Origin> origin;
        int length = -1;
    };
    void take(std::string_view line);
    void wrong(std::string what);

    std::string file_;
    std::vector<Match> matches_;
    std::string rest_;  // of a line whose end has not come; bounded
    std::size_t number_ = 0;
    bool full_ = false;
    std::vector<Error> problems_;
};

}  // namespace edge::agent
