#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "broker/api/api.hpp"
#include "broker/http/problem.hpp"
#include "protocol/json/described.hpp"
#include "protocol/probes/spec.hpp"
#include "schema_check.hpp"

using namespace edge;
using namespace edge::broker;
using namespace edge::broker::test;

namespace {

Json document() {
    return parse_json(api::openapi_text(), {.bytes = 1 << 20, .depth = 32, .values = 100'000}).value();
}

std::string upper(std::string text) {
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
}

/// "METHOD path operationId auth" of each operation in the document.
std::set<std::string> documented(const Json& openapi) {
    std::set<std::string> all;
    for (const auto& [path, methods] : openapi["paths"].items()) {
        for (const auto& [method, operation] : methods.items()) {
            const bool open = operation.contains("security") && operation["security"].empty();
            all.insert(upper(method) + " " + path + " " + operation["operationId"].get<std::string>() +
                       (open ? " none" : " bearer"));
        }
    }
    return all;
}

std::set<std::string> routed() {
    std::set<std::string> all;
    for (const auto& route : api::route_facts()) {
        all.insert(std::string(route.method) + " " + std::string(route.pattern) + " " +
                   std::string(route.operation_id) + (route.auth == api::Auth::none ? " none" : " bearer"));
    }
    return all;
}

/// Calls `visit(schema, example, where)` for each media type that has both, however deep.
template <class Visit>
void each_example(const Json& node, const std::string& where, const Visit& visit) {
    if (node.is_object() && node.contains("schema") && node.contains("example"))
        visit(node["schema"], node["example"], where);
    if (!node.is_structured()) return;
    for (const auto& [key, below] : node.items()) {
        if (key != "example") each_example(below, where + "/" + key, visit);
    }
}

template <class Visit>
void each_ref(const Json& node, const Visit& visit) {
    if (node.is_object() && node.contains("$ref")) visit(node["$ref"].get<std::string>());
    if (!node.is_structured()) return;
    for (const auto& below : node) each_ref(below, visit);
}

template <class Spec>
std::set<std::string> field_names() {
    std::set<std::string> names;
    boost::mp11::mp_for_each<boost::describe::describe_members<Spec, boost::describe::mod_public>>(
        [&](auto d) { names.insert(d.name); });
    return names;
}

std::set<std::string> property_names(const Json& openapi, const char* schema) {
    std::set<std::string> names;
    for (const auto& [name, value] : openapi["components"]["schemas"][schema]["properties"].items()) names.insert(name);
    return names;
}

}  // namespace

TEST_CASE("the document and the route table say the same, both ways") {
    const auto openapi = document();
    CHECK(openapi["openapi"].get<std::string>().starts_with("3.1"));
    CHECK(documented(openapi) == routed());
}

TEST_CASE("each path's {names} are declared") {
    const auto openapi = document();
    for (const auto& [path, methods] : openapi["paths"].items()) {
        if (path.find('{') == std::string::npos) continue;
        const std::string name = path.substr(path.find('{') + 1, path.find('}') - path.find('{') - 1);
        for (const auto& [method, operation] : methods.items()) {
            bool declared = false;
            for (const auto& parameter : operation["parameters"])
                declared =
                    declared || (parameter.contains("in") && parameter["in"] == "path" && parameter["name"] == name);
            CAPTURE(path);
            CHECK(declared);
        }
    }
}

TEST_CASE("every reference leads somewhere, every schema is used") {
    const auto openapi = document();
    std::set<std::string> used;
    each_ref(openapi, [&](const std::string& ref) {
        CAPTURE(ref);
        CHECK(openapi.contains(Json::json_pointer(ref.substr(1))));
        used.insert(ref);
    });
    const std::set<std::string> told_in_prose = {"RunProgress", "RunIntroduction"};  // events of the stream
    for (const auto& [name, schema] : openapi["components"]["schemas"].items()) {
        CAPTURE(name);
        CHECK((used.contains("#/components/schemas/" + name) || told_in_prose.contains(name)));
    }
}

TEST_CASE("the examples are what their schemas say") {
    const auto openapi = document();
    int checked = 0;
    each_example(openapi, "", [&](const Json& schema, const Json& example, const std::string& where) {
        ++checked;
        CAPTURE(where);
        CHECK(schema_error(openapi, schema, example) == "");
    });
    CHECK(checked >= 20);
}

TEST_CASE("probe parameters are described as they are decoded") {
    const auto openapi = document();
    CHECK(property_names(openapi, "PingParams") == field_names<PingSpec>());
    CHECK(property_names(openapi, "DnsParams") == field_names<DnsSpec>());
    CHECK(property_names(openapi, "HttpParams") == field_names<HttpSpec>());
}

TEST_CASE("problem codes are the same in the document, the program and docs/errors.md") {
    const auto openapi = document();
    std::set<std::string> in_program, in_document;
    for (const auto& kind : http::problem_kinds()) in_program.insert(std::string(kind.name));
    for (const auto& code : openapi["components"]["schemas"]["Problem"]["properties"]["code"]["enum"])
        in_document.insert(code);
    CHECK(in_document == in_program);
    std::ifstream file(EDGE_SOURCE_DIR "/docs/errors.md");
    std::ostringstream text;
    text << file.rdbuf();
    for (const auto& kind : http::problem_kinds()) {
        CAPTURE(kind.name);
        CHECK(text.str().find("| `" + std::string(kind.name) + "` | " + std::to_string(kind.status) + " |") !=
              std::string::npos);
    }
}
