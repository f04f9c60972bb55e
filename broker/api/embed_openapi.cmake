# Writes DOCUMENT into OUTPUT as a C++ string. A raw literal ends at its delimiter, which JSON never holds.
file(READ "${DOCUMENT}" text)
string(FIND "${text}" ")OPENAPI" ends)
if(NOT ends EQUAL -1)
  message(FATAL_ERROR "${DOCUMENT} holds the literal's delimiter")
endif()
file(WRITE "${OUTPUT}" "#include \"broker/api/api.hpp\"\n\nnamespace edge::broker::api {\n\nstd::string_view openapi_text() {\n    return R\"OPENAPI(${text})OPENAPI\";\n}\n\n}  // namespace edge::broker::api\n")
