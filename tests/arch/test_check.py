#!/usr/bin/python3
"""Breaks each rule once in a small tree that keeps them all, and wants exactly that offence."""
import tempfile
import unittest
from pathlib import Path

import check
import rules


class Rules(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = Path(self.folder.name)
        for folder in [*rules.ARROWS, "tests"]:
            self.write(f"{folder}/README.md", folder)
        self.write("protocol/a.cpp", '#include "protocol/json/bounded.hpp"\n')
        self.write("protocol/json/bounded.hpp", "#pragma once\n#include <string>\n")
        self.write("protocol/json/bounded.cpp", "auto x = Json::parse(text);\n")
        self.write("agent/main.cpp", '#include <unistd.h>\n#include "protocol/json/bounded.hpp"\n')
        self.write("broker/main.cpp", "int main() {}\n")
        self.write("broker/store/rows.cpp", 'auto q = "SELECT id FROM runs";\n')
        self.write("broker/store/README.md", "store")
        # Every place that a rule names exists, as in the real tree.
        for glob in [glob for glob, _ in rules.PURE] + [fence[0] for fence in rules.FENCES]:
            path = glob.replace("**/", "").replace("?pp", "hpp").replace("*", "any")
            if not (self.root / path).exists():
                self.write(path, "#pragma once\n")
        for path, header in rules.IMPURE_ALLOWED:
            self.write(path, f"#include <{header}>\n")
        page, golden = rules.EXAMPLES
        self.write(f"{golden}/hb.json", '{"t":"hb"}\n')
        self.write(page, 'x\n<!-- golden: hb -->\n```json\n{"t":"hb"}\n```\n')
        self.write("docs/README.md", "docs")
        for file in self.root.rglob("*/*/*"):
            top = file.relative_to(self.root).parts
            if top[0] in rules.MODULES_OF and not (self.root / top[0] / top[1] / "README.md").exists():
                self.write(f"{top[0]}/{top[1]}/README.md", "module")

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def offences(self):
        tree = check.Tree(self.root)
        return [f"{o.path}:{o.line}: {o.what}" for check_one in check.CHECKS for o in check_one(tree)]

    def assert_only(self, *wanted):
        self.assertEqual(sorted(self.offences()), sorted(wanted))

    def test_a_tree_that_keeps_the_rules_has_no_offences(self):
        self.assert_only()

    def test_an_arrow_across_programs(self):
        self.write("broker/main.cpp", '#include "agent/link/link.hpp"\n')
        self.assert_only("broker/main.cpp:1: broker/ includes agent/ (agent/link/link.hpp)")

    def test_an_arrow_out_of_protocol(self):
        self.write("protocol/a.cpp", '\n#include "probes/run_probe.hpp"\n')
        self.assert_only("protocol/a.cpp:2: protocol/ includes probes/ (probes/run_probe.hpp)")

    def test_a_program_that_includes_its_tests(self):
        self.write("agent/main.cpp", '#include "tests/unit/fake.hpp"\n')
        self.assert_only("agent/main.cpp:1: agent/ includes tests/ (tests/unit/fake.hpp)")

    def test_a_path_with_dots(self):
        self.write("agent/main.cpp", '#include "../broker/x.hpp"\n')
        self.assert_only('agent/main.cpp:1: include "../broker/x.hpp"')

    def test_an_include_in_a_comment_is_none(self):
        self.write("broker/main.cpp", '// #include "agent/a.hpp"\n/*\n#include "agent/b.hpp"\n*/\nauto s = "detached";\n')
        self.assert_only()

    def test_a_pure_core_with_a_socket(self):
        for header in ["sys/socket.h", "unistd.h", "boost/asio/io_context.hpp", "boost/asio.hpp", "spdlog/spdlog.h", "curl/curl.h", "fstream", "thread", "SQLiteCpp/Database.h"]:
            with self.subTest(header):
                self.write("protocol/a.cpp", f"#include <{header}>\n")
                self.assert_only(f"protocol/a.cpp:1: a pure core includes <{header}>")

    def test_a_pure_core_that_reaches_a_socket_through_a_header_of_ours(self):
        self.write("protocol/b.hpp", "#include <poll.h>\n")
        self.write("protocol/a.cpp", '#include "protocol/b.hpp"\n')
        self.assert_only("protocol/a.cpp:0: a pure core includes <poll.h> through protocol/b.hpp", "protocol/b.hpp:1: a pure core includes <poll.h>")

    def test_a_pure_core_that_reads_the_clock_or_the_environment(self):
        for code in ["std::chrono::steady_clock::now", "system_clock::now", "clock_gettime(", "time(nullptr)", "getenv(", "std::getenv("]:
            with self.subTest(code):
                self.write("protocol/a.cpp", f"auto t = {code};\n")
                self.assertEqual(len(self.offences()), 1, self.offences())

    def test_a_pure_place_that_is_gone(self):
        (self.root / "broker/domain/views.hpp").unlink()
        self.assert_only("tests/arch/rules.py:0: no file matches the pure core broker/domain/views.hpp")

    def test_a_fence(self):
        self.write("broker/http/http.hpp", '#include "broker/api/api.hpp"\n')
        self.assert_only("broker/http/http.hpp:1: includes broker/api/api.hpp")
        for file in (self.root / "broker/live").glob("*.?pp"):
            file.unlink()
        self.assertIn("tests/arch/rules.py:0: no file matches the fence broker/live/*.?pp", self.offences())

    def test_each_fence_stops_what_it_names(self):
        for glob, pattern, targets in (("agent/launcher/x.cpp", "JSON", "protocol/json/described.hpp"), ("broker/api/x.cpp", "domain", "broker/domain/fleet.hpp"),
                                       ("broker/domain/x.cpp", "store", "broker/store/sqlite_store.hpp"), ("probes/dns/x.cpp", "probe", "probes/http/url.hpp"),
                                       ("agent/link/x.cpp", "link", "agent/workers/pool_fsm.hpp"), ("cli/show/x.cpp", "shown", "cli/api/client.hpp")):
            with self.subTest(glob):
                self.write(glob, f'#include "{targets}"\n')
                self.assert_only(f"{glob}:1: includes {targets}")
                (self.root / glob).unlink()

    def test_an_exception_that_nobody_needs(self):
        for path, header in rules.IMPURE_ALLOWED:
            self.write(path, "#pragma once\n")
            self.assertIn(f"tests/arch/rules.py:0: {path} may include <{header}> and does not", self.offences())

    def test_an_example_that_is_not_what_the_codec_writes(self):
        page, golden = rules.EXAMPLES
        self.write(f"{golden}/hb.json", '{"t":"hb","at_us":0}\n')
        self.assert_only(f"{page}:0: the example hb is another than {golden}/hb.json")
        self.write(f"{golden}/hb.json", '{"t":"hb"}\n')
        self.write(f"{golden}/wack.json", "{}\n")
        self.assert_only(f"{page}:0: the example wack is missing; it is in {golden}/wack.json")
        (self.root / golden / "wack.json").unlink()
        (self.root / golden / "hb.json").unlink()
        self.assert_only(f"{page}:0: the example hb has no file in {golden}")

    def test_json_parsed_by_another_door(self):
        for code in ["Json::parse(x)", "nlohmann::json::parse(x)", "nlohmann::ordered_json :: from_cbor(x)", "json::sax_parse(x, &h)"]:
            with self.subTest(code):
                self.write("tests/x.cpp", f"auto j = {code};\n")
                self.assertEqual(len(self.offences()), 1, self.offences())

    def test_a_detached_coroutine(self):
        self.write("agent/main.cpp", "co_spawn(x, y, asio::detached);\n")
        self.assert_only("agent/main.cpp:1: detached")

    def test_a_test_that_sleeps(self):
        for code in ["std::this_thread::sleep_for(1s);", "sleep_until(t);", "usleep(10);", "sleep(1);", "nanosleep(&t, 0);"]:
            with self.subTest(code):
                self.write("tests/x.cpp", code)
                self.assertEqual(len(self.offences()), 1, self.offences())

    def test_a_regex(self):
        self.write("cli/x.cpp", "std::regex r;\n")
        self.assert_only("cli/x.cpp:1: std::regex")

    def test_sql_outside_the_store(self):
        for text in ['"SELECT a FROM b"', 'R"(select\n INSERT INTO x)"', '"PRAGMA user_version"', '"CREATE TABLE t"', '"UPDATE runs SET x"', '"DELETE FROM x"']:
            with self.subTest(text):
                self.write("broker/main.cpp", f"auto q = {text};\n")
                self.assertEqual(len(self.offences()), 1, self.offences())

    def test_words_that_are_no_sql(self):
        self.write("broker/main.cpp", 'auto q = "update the agent and select a line from the list";  // SELECT a FROM b\n')
        self.assert_only()

    def test_beast_in_more_than_four_files(self):
        self.write("broker/ws.hpp", "#include <boost/beast/websocket.hpp>\n")
        for i in range(4):
            self.write(f"broker/b{i}.cpp", '#include "broker/ws.hpp"\n')
        self.assert_only()
        self.write("agent/b.cpp", "#include <boost/beast.hpp>\n")
        self.assertEqual(len(self.offences()), 1, self.offences())

    def test_more_code_than_may_be(self):
        glob, most, _ = rules.SIZES[0]
        there = sum(source.lines_of_code() for path, source in check.Tree(self.root).sources.items() if check.glob_match(path, glob))
        spare = most - there
        self.write("agent/launcher/large.cpp", "// why\n\n#include <a>\n" + 'auto a = f(  // x\n"text");\n' * (spare // 2) + "int b;\n" * (spare % 2))
        self.assert_only()
        self.write("agent/launcher/one_more.cpp", "/* why\n   so */ int a;\n")
        self.assert_only(f"{glob}:0: {most + 1} lines of code, {most} may be")

    def test_names_that_say_nothing(self):
        for path in ["agent/util.cpp", "agent/string_utils.hpp", "agent/core.cpp", "broker/shared.hpp", "cli/job-manager.cpp", "probes/test_helper.cpp", "tests/common.py"]:
            with self.subTest(path):
                self.write(path, "")
                self.assertEqual(len(self.offences()), 1, self.offences())
                (self.root / path).unlink()
        self.write("cli/core/x.cpp", "")
        self.assert_only('cli/core:0: "core" in a name')

    def test_a_core_that_says_whose_it_is(self):
        self.write("agent/ping_core.cpp", "")
        self.assert_only()

    def test_a_module_without_a_readme(self):
        self.write("agent/novel/x.cpp", "")
        self.assert_only("agent/novel:0: no README.md")
        self.write("agent/novel/README.md", "")
        self.write("systemd/edge.service", "")
        self.assert_only("systemd:0: no README.md")

    def test_a_number_with_separators_is_no_character(self):
        self.write("cli/x.cpp", "auto n = 1'000 + 2'000; co_spawn(a, b, detached);\n")
        self.assert_only("cli/x.cpp:1: detached")


if __name__ == "__main__":
    unittest.main()
