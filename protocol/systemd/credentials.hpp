// Secrets that a unit hands over, by LoadCredential= and its kin. Source: systemd.exec(5), CREDENTIALS.
#pragma once
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace edge::systemd {

/// Does a setting that names a file say `credential:NAME`?
bool is_credential(std::string_view setting);

/// The file that a setting names: the setting itself, or for `credential:NAME` that of $CREDENTIALS_DIRECTORY.
/// Errors: bad_value (no name of a credential), not_found (nothing was handed over, or not that one).
Result<std::string> file_of(const std::string& setting);

}  // namespace edge::systemd
