// Text on a terminal: how wide it is, and what of a stranger's bytes may be shown.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace edge::cli {

/// Columns that UTF-8 text takes: 2 for CJK and emoji, 0 for combining marks. Text is what printable() gives.
std::size_t display_width(std::string_view text);

/// The front of `text` in at most `columns`, ending in `mark` where something was cut off.
std::string cut(std::string_view text, std::size_t columns, std::string_view mark = "…");

enum class Align { left, right };
/// Spaces added up to `columns`; longer text stays as it is.
std::string pad(std::string text, std::size_t columns, Align align);

/// Text from the network as a terminal may have it: control characters (an answer can hold escape sequences) become
/// `?`, direction overrides and bytes that are no UTF-8 become U+FFFD. Line breaks become spaces.
std::string printable(std::string_view text);

/// JSON text whose strings hold no C1 control characters or DEL, which JSON allows and terminals obey.
std::string printable_json(std::string json);

/// The API's `enforced_by`, bpf or nft, as --require-level and doctor name it: bpf-guard, nft-guard. Others as they
/// are.
std::string level_text(const std::string& enforced_by);

}  // namespace edge::cli
