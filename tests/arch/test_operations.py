#!/usr/bin/python3
"""docs/operations.md and its Chinese page name every event that a program logs at info or above, at its level, and none that there is not;
both give the same commands, and name no series of /metrics that there is not."""
import re
import tempfile
import unittest
from pathlib import Path

import check
import log_events

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("docs/operations.md", "docs/operations.zh.md")


def page(name):
    return (ROOT / name).read_text(encoding="utf-8")


def commands(name):
    return [line for block in re.findall(r"^```sh\n(.*?)^```", page(name), re.S | re.M) for line in block.splitlines()]


class Pages(unittest.TestCase):
    maxDiff = None

    def test_every_event_of_the_sources_stands_in_both_tables_and_the_other_way_round(self):
        events, wrong = log_events.of_sources(check.Tree(ROOT))
        self.assertEqual(wrong, [])
        for name in PAGES:
            told = log_events.of_page(page(name))
            for program in log_events.PROGRAMS:
                with self.subTest(f"{name}, {program}"):
                    self.assertGreater(len(events[program]), 20, "the sources were not read")
                    self.assertEqual(told[program], events[program])

    def test_no_event_stands_twice_in_a_table(self):
        for name in PAGES:
            for table in re.findall(r"<!-- events: \w+ -->\n\n(.*?\n)\n", page(name), re.S):
                rows = [event for event, _ in log_events.ROW.findall(table)]
                self.assertEqual([event for event in rows if rows.count(event) > 1], [], name)
                self.assertEqual(len(rows) + 2, len(table.splitlines()), f"{name}: a row that is none")

    def test_every_series_that_a_page_names_is_one_of_the_brokers(self):
        there = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "broker" / "prometheus").glob("*.cpp"))
        for name in PAGES:
            told = set(re.findall(r"`((?:edge|process)_[a-z_]+)`", page(name)))
            self.assertGreater(len(told), 10)
            self.assertEqual([series for series in sorted(told) if f'"{series}"' not in there], [], name)

    def test_both_pages_give_the_same_commands(self):
        self.assertGreater(len(commands(PAGES[0])), 10)
        self.assertEqual(commands(PAGES[0]), commands(PAGES[1]))


class Reader(unittest.TestCase):
    """What it takes for an event, and what it does not overlook."""

    def read(self, code, path="a.cpp"):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(code, encoding="utf-8")
            return log_events.read_source(check.Source(Path(folder), path))

    def test_an_event_is_the_first_word_of_the_text(self):
        for code, event, levels in (('spdlog::info("a.b x={}", x);', "a.b", {"info"}), ('log_.critical(\n    "gone what=\\"{}\\"", x);', "gone", {"critical"}),
                                    ('log->warn("late");', "late", {"warn"}), ('out.push_back(Noted{"node.x", "node=" + id});', "node.x", {"info"}),
                                    ('notes_.push_back("torn to=" + n);', "torn", {"warn"}),
                                    ('PoolNote{true, "w_lost line=" + l};', "w_lost", {"warn"}), ('PoolNote{false, "w_up line=" + l};', "w_up", {"info"}),
                                    ('Say{bad ? Level::error : Level::info, "bye why=" + w};', "bye", {"error", "info"}),
                                    ('spdlog::log(known ? spdlog::level::info : spdlog::level::debug, "over node={}", n);', "over", {"info"})):
            with self.subTest(code):
                self.assertEqual(self.read(code), ([(event, levels)], []))

    def test_note_is_a_log_line_where_it_is_known_to_be_one(self):
        code = 'note("node.y", node, out);'
        self.assertEqual(self.read(code, "broker/domain/node_orders.cpp"), ([("node.y", {"info"})], []))
        self.assertEqual(self.read(code), ([], []))

    def test_what_is_not_logged_is_no_event(self):
        for code in ('spdlog::debug("seen x={}", x);', '// spdlog::info("old");', "if (!log && log.error().code != x) return;", "note(run, total);",
                     "struct Noted {\n    std::string event;\n};", 'Say{Level::debug, "tick"};'):
            with self.subTest(code):
                self.assertEqual(self.read(code), ([], []))

    def test_an_event_that_cannot_be_read_is_told(self):
        for code in ('spdlog::info("{}", text);', "log_.warn(text);", "Noted{event, \"node=\" + id};", "PoolNote{true, why + \" worker=\"};", "notes_.push_back(text);"):
            with self.subTest(code):
                self.assertEqual(self.read(code), ([], [1]))


if __name__ == "__main__":
    unittest.main()
