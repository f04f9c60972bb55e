// A store's copies: how one is taken from a store in use, and how one becomes the store again.
#pragma once
#include <cstdint>
#include <string>

#include "broker/domain/views.hpp"
#include "protocol/result.hpp"

namespace edge::broker {

struct BackedUp {
    std::uint64_t bytes = 0;
    GenerationId generation;
};
/// Copies the store at `path`, also while a broker writes it, as it is at one moment; `file` is whole and checked, or
/// is not there. Readers and the writer go on meanwhile; the log grows until the copy is made. Errors: not_found (no
/// store there), conflict (`file` is there already), io, unavailable (no space).
Result<BackedUp> back_up(const std::string& path, const std::string& file);

struct Restored {
    GenerationId generation;
    std::string set_aside;  // the store that was there; empty: none
};
/// The backup becomes the store at `path`, under a new generation; no broker may run on it. The store that was there is
/// kept under another name. What fails changes nothing.
/// Errors: conflict (a broker runs), not_found, bad_value (no store of ours), unsupported (of a newer one), io
/// (damaged).
Result<Restored> restore(const std::string& path, const std::string& file, WallTime now);
/// The file at `path` is a backup that was put there by hand: it begins a new generation.
Result<Restored> restore_in_place(const std::string& path, WallTime now);

}  // namespace edge::broker
