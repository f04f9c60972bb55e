// Just enough of JSON Schema 2020-12 to hold the API's examples and answers against its document.
#pragma once
#include <string>

#include "protocol/json/bounded.hpp"

namespace edge::broker::test {

/// Empty, or the first thing in `value` that `schema` does not allow. Keywords it does not know fail, too.
std::string schema_error(const Json& document, const Json& schema, const Json& value, const std::string& where = "");

/// By the name of a schema in the document's components.
std::string schema_error(const Json& document, const std::string& name, const Json& value);

}  // namespace edge::broker::test
