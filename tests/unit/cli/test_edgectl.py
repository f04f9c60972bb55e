#!/usr/bin/python3
"""edgectl against a broker that does what a test tells it. Usage: test_edgectl.py PATH_OF_EDGECTL [unittest arguments]"""
import csv
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import unittest

from fake_broker import JOB, LINES, PLAN, TOKEN, FakeBroker, result_json

EDGECTL = sys.argv.pop(1) if len(sys.argv) > 1 else "edgectl"


def without_colour(text):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


class WithBroker(unittest.TestCase):
    def setUp(self):
        self.broker = FakeBroker()
        self.addCleanup(self.broker.stop)

    def environment(self, **changes):
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("EDGE_", "NO_COLOR", "CLICOLOR"))}
        return {**environment, "EDGE_URL": self.broker.url, "EDGE_TOKEN": TOKEN, "TERM": "xterm-256color", **changes}

    def edgectl(self, *arguments, expect=0, **changes):
        done = subprocess.run([EDGECTL, *arguments], env=self.environment(**changes), capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        self.assertNotIn(TOKEN, done.stdout + done.stderr)
        return done

    def begin(self, *arguments, **changes):
        process = subprocess.Popen([EDGECTL, *arguments], env=self.environment(**changes), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
        self.addCleanup(lambda: (process.kill(), process.communicate()) if process.poll() is None else None)
        return process


class Probes(WithBroker):
    def test_json_is_an_array_of_the_results_as_they_came(self):
        results = json.loads(self.edgectl("ping", "198.18.0.80", "from", "all", "-o", "json").stdout)
        self.assertEqual([result["line"]["name"] for result in results], [line[0] for line in LINES])
        self.assertTrue(all(result["evidence"]["verified"] for result in results))
        self.assertEqual(results[0]["detail"]["replies"][3]["seq"], 3)

    def test_jsonl_tells_each_result_as_it_comes(self):
        def one_and_wait(run):
            run.answer(1)
            self.run = run
        self.broker.on_run = one_and_wait
        process = self.begin("ping", "198.18.0.80", "from", "all", "-o", "jsonl")
        self.assertEqual(json.loads(process.stdout.readline())["line"]["name"], "unicom")
        self.run.answer(0)
        self.assertEqual(json.loads(process.stdout.readline())["line"]["name"], "telecom")
        self.run.answer(2)
        self.run.finish()
        self.assertEqual(len(process.communicate(timeout=20)[0].splitlines()), 1)
        self.assertEqual(process.returncode, 0)

    def test_a_pipe_gets_steady_lines_and_the_rest_goes_to_stderr(self):
        done = self.edgectl("ping", "198.18.0.80", "from", "all")
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0].split(), ["NODE", "LINE", "CARRIER", "STATUS", "LOSS", "MIN", "AVG", "MAX", "ADDRESS", "EVIDENCE", "NOTE"])
        self.assertEqual(lines[1].split(), ["gz-1", "telecom", "ct", "ok", "0%", "12.0", "ms", "12.3", "ms", "12.8", "ms", "198.18.0.80", "verified"])
        self.assertEqual(len(lines), 4)
        self.assertNotIn("\x1b", done.stdout + done.stderr)
        self.assertIn("3 of 3 ok: ct 12.3 ms · cu 26.3 ms · cm 40.3 ms", done.stderr)
        self.assertIn("ping 198.18.0.80 from all: 3 tasks, run_", done.stderr)

    def test_columns_of_a_log_do_not_move(self):
        for arguments in (("http", "https://lab.test/"), ("dns", "lab.test"), ("dns", "lab.test", "--repeat", "20")):
            for form in ("table", "wide"):
                header, *rows = self.edgectl(*arguments[:2], "from", "all", "-o", form, *arguments[2:]).stdout.splitlines()
                at = header.index("EVIDENCE")
                self.assertEqual([row[at:].split()[0] for row in rows], ["verified"] * 3, header)

    def test_a_column_of_a_log_stays_as_wide_as_an_address_of_ipv6_was(self):
        def by_ipv6_first(run):
            for at, address in enumerate(("2001:db8:ffff:0:1::20", "198.18.0.80", "198.18.0.80")):
                run.answer(at, evidence={**result_json(run, run.tasks[at], at, "ok")["evidence"], "dst_addr": address})
            run.finish()
        self.broker.on_run = by_ipv6_first
        header, *rows = self.edgectl("ping", "ping.test", "from", "all").stdout.splitlines()
        at = header.index("EVIDENCE")
        self.assertEqual([row[at:].split()[0] for row in rows], ["verified"] * 3, "\n".join([header, *rows]))

    def test_what_is_sent_is_what_was_typed_and_no_more(self):
        self.edgectl("dns", "lab.test", "from", "telecom", "carrier:ct", "-node:sh-1", "--type", "MX", "-o", "json", "--limit", "2", "--label", "team=edge", "--no-rd")
        request = next(iter(self.broker.runs.values())).request
        self.assertEqual(request, {"service": "dns", "params": {"target": "lab.test", "type": "MX", "rd": False}, "selector": "telecom carrier:ct -node:sh-1 limit:2",
                                   "labels": {"team": "edge"}})
        self.edgectl("http", "https://lab.test/", "from", "all", "-H", "X-A: b", "-H", "X-C:d", "--method", "POST", "--body", "x", "-4", "--timeout-ms", "3000")
        request = list(self.broker.runs.values())[-1].request
        self.assertEqual(request["params"], {"target": "https://lab.test/", "method": "POST", "headers": [{"name": "X-A", "value": "b"}, {"name": "X-C", "value": "d"}],
                                             "body": "x", "family": "v4", "timeout_ms": 3000})

    def test_a_level_is_asked_for_and_who_is_left_out_is_told(self):
        self.edgectl("ping", "x.test", "from", "all", "--require-level", "nft-guard")
        self.assertEqual(next(iter(self.broker.runs.values())).request["require_level"], "nft-guard")
        self.assertIn("held by nft", self.edgectl("ping", "unguarded.test", "from", "all", "--require-level", "bpf-guard", expect=8).stderr)
        self.assertIn("--require-level", self.edgectl("ping", "x.test", "from", "all", "--require-level", "bpf", expect=2).stderr)
        done = self.edgectl("ping", "partly.test", "from", "all", "-o", "json", expect=3)  # lines that were chosen and not asked
        self.assertIn("left out gz-2/telecom, gz-2/unicom: the node does not lend ping", done.stderr)
        self.assertIn("left out 1 more", done.stderr)
        self.assertIn("gz-3 and 1 more are not connected: what is asked there waits 60 s, then expires (--start-within-ms)", done.stderr)
        self.assertIn("waits 1500 ms", self.edgectl("ping", "partly.test", "from", "all", "--start-within-ms", "1500", "--fail-on", "all").stderr)
        self.edgectl("ping", "partly.test", "from", "all", "--fail-on", "none")
        with open(os.path.join(os.path.dirname(__file__), "../../../broker/api/openapi.json"), encoding="utf-8") as file:
            schema = json.load(file)["components"]["schemas"]["JobRequest"]["properties"]["start_within_ms"]
        self.assertEqual(schema["default"], 60_000)  # what edgectl says of it
        self.assertEqual(len(json.loads(done.stdout)), 3)

    def test_what_becomes_of_tasks_whose_node_goes_is_asked_for(self):
        self.edgectl("ping", "x.test", "from", "all", "--when-unknown", "fail", "--run-within-ms", "1500")
        request = list(self.broker.runs.values())[-1].request
        self.assertEqual((request["when_unknown"], request["run_within_ms"]), ("fail", 1500))
        self.assertIn("elsewhere, fail", self.edgectl("ping", "x.test", "from", "all", "--when-unknown", "never", expect=2).stderr)

    def test_a_failed_line_is_exit_code_3_unless_told_otherwise(self):
        failure = {"source": "line", "phase": "start", "code": "ENETDOWN", "text": "line mobile is down"}

        def one_fails(run):
            for at in range(len(run.tasks) - 1):
                run.answer(at)
            run.answer(len(run.tasks) - 1, "refused", failure=failure)
            run.finish()
        self.broker.on_run = one_fails
        done = self.edgectl("ping", "198.18.0.80", "from", "all", expect=3)
        self.assertIn("line mobile is down (line, start, ENETDOWN)", done.stdout)
        self.assertIn("2 of 3 ok: ct 12.3 ms · cu 26.3 ms · cm 1 failed", done.stderr)
        self.edgectl("ping", "198.18.0.80", "from", "all", "--fail-on", "all", expect=0)
        self.edgectl("ping", "198.18.0.80", "from", "mobile", "--fail-on", "all", expect=3)
        self.edgectl("ping", "198.18.0.80", "from", "all", "--fail-on", "none", expect=0)

    def test_a_task_that_ends_without_a_result_is_not_forgotten(self):
        def one_expires(run):
            run.tasks[0]["state"] = "expired"
            run.tell("task", run.tasks[0])
            run.answer(1)
            run.answer(2)
            run.finish()
        self.broker.on_run = one_expires
        done = self.edgectl("ping", "198.18.0.80", "from", "all", "-o", "json", expect=3)
        self.assertEqual(len(json.loads(done.stdout)), 2)
        self.assertIn("gz-1/telecom: expired", done.stderr)
        self.assertRegex(self.edgectl("ping", "198.18.0.80", "from", "all", expect=3).stdout, "expired .*its node did not begin it in time")

    def test_a_canceled_task_has_not_failed_and_an_expired_one_is_told_apart(self):
        def canceled(run):
            for task in run.tasks:
                task["state"] = "canceled"
                run.tell("task", task)
            run.finish()
        self.broker.on_run = canceled
        done = self.edgectl("ping", "198.18.0.80", "from", "all", "-o", "table", expect=3)  # who waited got no answer
        self.assertIn("0 of 3 ok: ct 1 canceled · cu 1 canceled · cm 1 canceled", done.stderr)
        run = next(iter(self.broker.runs.values()))
        described = self.edgectl("describe", "run", run.id).stdout
        self.assertIn("ct 1 canceled", described)
        self.assertNotIn("failed", described)
        run.tasks[0]["state"] = "expired"
        self.assertIn("ct 1 expired", self.edgectl("describe", "run", run.id, expect=3).stdout)
        header, row = self.edgectl("get", "runs").stdout.splitlines()
        self.assertEqual(header.split()[5:9], ["OK", "FAILED", "EXPIRED", "CANCELED"])
        self.assertEqual(row.split()[5:9], ["0", "0", "1", "2"])

    def test_partial_is_not_counted_as_ok(self):
        def one_loses(run):
            run.answer(0, "partial")
            run.answer(1)
            run.answer(2)
            run.finish()
        self.broker.on_run = one_loses
        self.assertIn("2 of 3 ok, 1 partial: ct", self.edgectl("ping", "198.18.0.80", "from", "all").stderr)

    def test_hostile_answers_cannot_drive_the_terminal(self):
        def hostile(run):
            run.answer(0, failure={"source": "target", "phase": "read", "code": "\x1b[31mX", "text": "\x1b]0;owned\x07\u202eabc\u009b2J\nnext"})
            run.finish()
        self.broker.on_run = hostile
        for form in ("table", "wide", "json", "jsonl"):
            done = self.edgectl("dns", "lab.test", "from", "telecom", "-o", form)
            for bad in ("\x1b", "\x07", "\x9b", *(["\u202e"] if form in ("table", "wide") else [])):
                self.assertNotIn(bad, done.stdout + done.stderr, form)
        run = next(iter(self.broker.runs))
        self.assertNotIn("\x1b", self.edgectl("describe", "run", run).stdout)


class Repeats(WithBroker):
    """--repeat: several tasks, and so several results, of each line."""

    def test_rows_of_a_line_have_numbers(self):
        rows = self.edgectl("ping", "198.18.0.80", "from", "all", "--repeat", "2").stdout.splitlines()
        self.assertEqual(rows[0].split()[:5], ["NODE", "LINE", "CARRIER", "#", "STATUS"])
        self.assertEqual([row.split()[1:5] for row in rows[1:]],
                         [["telecom", "ct", "1", "ok"], ["unicom", "cu", "1", "ok"], ["mobile", "cm", "1", "ok"],
                          ["telecom", "ct", "2", "ok"], ["unicom", "cu", "2", "ok"], ["mobile", "cm", "2", "ok"]])
        run = next(iter(self.broker.runs.values()))
        self.assertEqual(run.request["repeat"], 2)
        self.assertIn("telecom (ct) of gz-1, task 2", self.edgectl("describe", "run", run.id).stdout)

    def test_without_it_there_is_no_number_and_no_field(self):
        rows = self.edgectl("ping", "198.18.0.80", "from", "all").stdout.splitlines()
        self.assertNotIn("#", rows[0])
        self.assertNotIn("repeat", next(iter(self.broker.runs.values())).request)

    def test_a_long_run_has_a_row_a_line(self):
        failure = {"source": "path", "phase": "wait", "code": "timeout", "text": "no reply in time"}

        def some_fail(run):
            for at in range(len(run.tasks)):
                run.answer(at, *(["failed"] if at in (2, 5) else []), **({"failure": failure} if at in (2, 5) else {}))
            run.finish()
        self.broker.on_run = some_fail
        done = self.edgectl("http", "https://lab.test/", "from", "all", "--repeat", "20", expect=3)
        rows = done.stdout.splitlines()
        self.assertEqual(rows[0].split(), ["NODE", "LINE", "CARRIER", "DONE", "OK", "FAILED", "MIN", "P50", "P95", "MAX", "CODES", "EVIDENCE", "NOTE"])
        self.assertEqual({row.split()[1]: row.split()[3:6] for row in rows[1:]},
                         {"telecom": ["20/20", "20", "0"], "unicom": ["20/20", "20", "0"], "mobile": ["20/20", "18", "2"]})
        self.assertIn("2 × no reply in time (path, wait, timeout)", done.stdout)
        self.assertIn("58 of 60 ok", done.stderr)
        command = re.search(r"edgectl (describe run run_\w+ -o jsonl)", done.stderr).group(1).split()
        self.assertEqual(len(self.edgectl(*command, expect=3).stdout.splitlines()), 60)
        described = self.edgectl("describe", "run", command[2], expect=3).stdout
        self.assertRegex(described, r"gz-1 +mobile +cm +20/20 +18 +2")

    def test_a_line_is_told_as_soon_as_it_has_ended(self):
        def one_line(run):
            for at in range(0, len(run.tasks), 3):
                run.answer(at)
            self.run = run
        self.broker.on_run = one_line
        process = self.begin("ping", "198.18.0.80", "from", "all", "--repeat", "30")
        self.assertIn("telecom", process.stdout.readline() and process.stdout.readline())
        self.run.answer_all()
        out, _ = process.communicate(timeout=20)
        self.assertEqual([line.split()[1:4] for line in out.splitlines()], [["unicom", "cu", "30/30"], ["mobile", "cm", "30/30"]])

    def test_json_has_each_result(self):
        self.assertEqual(len(json.loads(self.edgectl("dns", "lab.test", "from", "all", "--repeat", "100", "-o", "json").stdout)), 300)
        self.assertEqual(len(self.edgectl("dns", "lab.test", "from", "telecom", "--repeat=1000", "-o", "jsonl").stdout.splitlines()), 1000)

    def test_tasks_without_a_result_are_counted(self):
        def all_expire(run):
            for task in run.tasks:
                task["state"] = "expired"
                run.tell("task", task)
            run.finish()
        self.broker.on_run = all_expire
        self.assertIn("gz-1/telecom: 20 tasks expired, without a result",
                      self.edgectl("ping", "198.18.0.80", "from", "all", "--repeat", "20", "-o", "json", expect=3).stderr)
        self.assertIn("20 × expired", self.edgectl("ping", "198.18.0.80", "from", "all", "--repeat", "20", expect=3).stdout)


class LineHealth(WithBroker):
    def test_a_line_shows_its_checks_whose_network_it_leaves_by_and_what_became_of_it(self):
        told = self.edgectl("describe", "line", "gz-1/telecom").stdout
        for words in ("leaves by   203.0.113.7 of AS9808 cm", "identity    mismatch",
                      "198.51.100.20 failed, by ping: timeout: no answer", "identity unknown -> mismatch: AS9808 cm"):
            self.assertIn(words, told)
        self.assertNotIn("no carrier", told)  # that was another line
        self.assertIn("up -> down: no carrier", self.edgectl("describe", "line", "gz-1/unicom").stdout)

    def test_a_node_shows_what_became_of_it_and_of_all_its_lines(self):
        told = self.edgectl("describe", "node", "gz-1").stdout
        self.assertIn("line unicom up -> down: no carrier", told)
        self.assertRegex(told, r"2026-01-01T00:00:00.000Z +connected")
        self.assertRegex(told, r"2026-01-01T00:00:00.500Z +uplink mgmt -> telecom: mgmt: connect: no answer")
        self.assertRegex(told, r"uplink +telecom to broker.test:7443, bound by edge-launcher; mgmt: connect: no answer")
        self.assertRegex(self.edgectl("get", "nodes", "-o", "wide").stdout, r"UPLINK[^\n]*\n.*telecom")

    def test_checks_of_a_node_that_is_away_are_told_as_old(self):
        for what in (("node", "gz-1"), ("line", "gz-1/telecom")):
            self.assertNotIn("as of", self.edgectl("describe", *what).stdout)
        self.broker.node_state = "disconnected"
        for what in (("node", "gz-1"), ("line", "gz-1/telecom")):
            self.assertRegex(self.edgectl("describe", *what).stdout,
                             r"as of +2026-01-01T00:00:00.000Z \(\d+d ago\), when the node was seen last\n  leaves by")

    def test_the_list_of_lines_has_a_column_for_identity(self):
        self.assertRegex(self.edgectl("get", "lines").stdout, r"telecom +ct +up +mismatch")


class Trouble(WithBroker):
    def test_each_refusal_has_its_exit_code_and_says_what_to_do(self):
        done = self.edgectl("ping", "x.test", "from", "telecm", expect=8)
        self.assertIn('the nearest is "telecom"', done.stderr)
        self.assertIn("edgectl get lines", done.stderr)
        self.assertIn("request req-7", done.stderr)
        self.assertIn("EDGE_TOKEN", self.edgectl("get", "nodes", expect=4, EDGE_TOKEN="edgep_other").stderr)
        self.assertIn("no such run", self.edgectl("cancel", "run_0", expect=5).stderr)
        self.assertIn('did you mean "gz-1"', self.edgectl("describe", "node", "gz-2", expect=5).stderr)
        self.assertIn('no node "nope"', self.edgectl("describe", "node", "nope", expect=5).stderr)
        self.edgectl("ping", "taken.test", "from", "all", expect=6)
        self.assertIn("/params/count: 9 is out of range", self.edgectl("ping", "strange.test", "from", "all", expect=2).stderr)
        self.edgectl("api", "GET", "/api/v1/nowhere", expect=5)

    def test_another_id_where_a_run_is_wanted_is_named_and_leads_to_the_run(self):
        for command in (("describe", "run", JOB["id"]), ("describe", "run", JOB["id"], "--follow")):
            done = self.edgectl(*command, expect=5)
            self.assertIn(f'"{JOB["id"]}" is a job; its last run is {JOB["last_run"]}', done.stderr)
            self.assertIn(f'edgectl describe run {JOB["last_run"]}', done.stderr)
        self.assertIn(f'edgectl cancel {JOB["last_run"]}\n', self.edgectl("cancel", JOB["id"], expect=5).stderr)
        self.assertIn("is no run's id but a job's", self.edgectl("cancel", "job_7", expect=5).stderr)
        self.assertIn("is no run's id; those begin with run_", self.edgectl("describe", "run", "task_7", expect=5).stderr)
        self.assertIn("get jobs", self.edgectl("describe", "run", "run_7", expect=5).stderr)

    def test_the_command_line_is_checked_before_anybody_is_asked(self):
        for arguments, words in ((["pong", "x", "from", "all"], 'did you mean "ping"'), (["ping"], "edgectl ping TARGET from all"), (["ping", "x"], "from all"),
                                 (["ping", "x", "form", "all"], '"from"'), (["ping", "x", "from"], "every line"), (["ping", "x", "from", "all", "--count", "5000"], "--count"),
                                 (["ping", "x", "from", "all", "--count", "x"], "no whole number"), (["ping", "a b", "from", "all"], "the target"),
                                 (["dns", "x", "from", "all", "--type", "NOPE"], "--type"), (["dns", "x", "from", "all", "--server", "192.0.2.53:53"], "its port is -p's"), (["http", "x", "from", "all"], "http://"),
                                 (["http", "http://x", "from", "all", "-H", "nocolon"], "--header"), (["ping", "x", "from", "all", "-o", "xml"], "json"),
                                 (["ping", "x", "from", "all", "--timeout", "soon"], "--timeout"), (["get", "things"], "nodes"), (["get"], "nodes, lines"), (["describe", "run"], "run ID"), ([], "edgectl help"),
                                 (["describe", "token", "x"], "node"), (["cancel"], "which run"), (["api", "POST", "/x"], "only GET"), (["ping", "x", "from", "all", "--fail-on", "some"], "any"),
                                 (["help", "exit-cods"], 'did you mean "exit-codes"')):
            with self.subTest(arguments):
                self.assertIn(words, self.edgectl(*arguments, expect=2).stderr)
        self.assertEqual(self.broker.requests, [])

    def test_an_environment_that_lacks_something_says_what_to_set(self):
        for changes, words in (({"EDGE_URL": ""}, "EDGE_URL"), ({"EDGE_TOKEN": ""}, "EDGE_TOKEN_FILE"), ({"EDGE_URL": "broker:8080"}, "http://HOST:PORT"),
                               ({"EDGE_TOKEN": "", "EDGE_TOKEN_FILE": "/nowhere"}, "/nowhere")):
            with self.subTest(changes):
                environment = {**self.environment(), **changes}
                done = subprocess.run([EDGECTL, "get", "nodes"], env=environment, capture_output=True, text=True, timeout=20, check=False)
                self.assertEqual(done.returncode, 4 if changes == {"EDGE_TOKEN": ""} else 2)
                self.assertIn(words, done.stderr)

    def test_a_token_may_stand_in_a_file(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(TOKEN + "\n")
            file.flush()
            self.edgectl("get", "nodes", EDGE_TOKEN="", EDGE_TOKEN_FILE=file.name)

    def test_nobody_listening_is_said_in_one_breath(self):
        url, port = self.broker.url, self.broker.port
        self.broker.stop()
        done = self.edgectl("get", "nodes", expect=1)
        self.assertIn(f"cannot reach the broker at {url}", done.stderr)
        self.broker.start(port)

    def test_the_help_of_a_probe_speaks_of_that_probe_alone(self):
        for service, said in (("ping", "wait for each reply; 2000"), ("dns", "wait for each try; 3000"), ("http", "wait for everything; 10000")):
            self.assertIn(said, " ".join(self.edgectl(service, "--help").stdout.split()))

    def test_help_and_exit_codes(self):
        self.assertIn("130", self.edgectl("help", "exit-codes").stdout)
        self.assertIn("--interval-ms", self.edgectl("ping", "--help").stdout)
        self.assertIn("--interval-ms", self.edgectl("help", "ping").stdout)
        self.assertIn("edgectl", self.edgectl("--help").stdout)


class Broken(WithBroker):
    """The connection, not the run."""

    def test_a_stream_that_breaks_is_followed_again(self):
        def a_line_a_connection(run):
            for at in range(3):
                self.broker.wait_for(lambda: len(self.broker.asked("/events")) > at)
                run.answer(at)
            self.broker.wait_for(lambda: len(self.broker.asked("/events")) > 3)
            run.finish()
        self.broker.on_run = a_line_a_connection
        self.broker.cut_after = [0, 1, 3]
        done = self.edgectl("ping", "198.18.0.80", "from", "all", "-o", "jsonl")
        names = [json.loads(line)["line"]["name"] for line in done.stdout.splitlines()]
        self.assertEqual(sorted(names), sorted(line[0] for line in LINES), "each result once, whatever was told twice")
        self.assertEqual(len(self.broker.asked("/events")), 4)

    def test_a_broker_that_restarts_in_the_middle(self):
        def half(run):
            run.answer(0)
            self.run = run
        self.broker.on_run = half
        self.broker.cut_after = [2]
        process = self.begin("ping", "198.18.0.80", "from", "all", "-o", "jsonl")
        self.assertEqual(json.loads(process.stdout.readline())["line"]["name"], "telecom")
        port = self.broker.port
        self.broker.stop()
        self.run.answer(1)  # breaks the stream: two events were told
        self.assertIn("the broker is away, trying again", iter_until(process.stderr, "away"))
        self.run.answer(2)
        self.run.finish()
        self.broker.start(port)
        out, _ = process.communicate(timeout=20)
        self.assertEqual([json.loads(line)["line"]["name"] for line in out.splitlines()], ["unicom", "mobile"])
        self.assertEqual(process.returncode, 0)

    def test_without_a_stream_the_run_is_asked_for(self):
        self.broker.no_events = True
        results = json.loads(self.edgectl("ping", "198.18.0.80", "from", "all", "-o", "json").stdout)
        self.assertEqual(len(results), 3)

    def test_results_the_stream_did_not_tell_are_fetched(self):
        def quietly(run):
            for at in range(3):
                run.answer(at)
            run.events = [event for event in run.events if event[0] != "result"]
            run.finish()
        self.broker.on_run = quietly
        self.assertEqual(len(json.loads(self.edgectl("ping", "198.18.0.80", "from", "all", "-o", "json").stdout)), 3)

    def test_a_lost_answer_to_the_job_does_not_make_two(self):
        self.broker.lose_first_post = True
        self.edgectl("ping", "198.18.0.80", "from", "all")
        self.assertEqual(len(self.broker.asked("POST")), 2)
        self.assertEqual(len(self.broker.runs), 1)

    def test_a_timeout_ends_the_waiting_and_not_the_run(self):
        self.broker.on_run = lambda run: run.answer(0)
        done = self.edgectl("ping", "198.18.0.80", "from", "all", "--timeout", "300ms", expect=7)
        self.assertEqual(done.stderr.count("1 of 3 ok"), 1, done.stderr)
        self.assertIn("edgectl describe run run_", done.stderr)
        self.assertIn("telecom", done.stdout)
        done = self.edgectl("ping", "198.18.0.80", "from", "all", "--timeout", "300ms", "-o", "json", expect=7)
        self.assertEqual(done.stderr.count("1 of 3 ok"), 1, done.stderr)

    def test_ctrl_c_says_how_to_go_on_and_that_works(self):
        def half(run):
            run.answer(0)
            self.run = run
        self.broker.on_run = half
        process = self.begin("ping", "198.18.0.80", "from", "all", "-o", "jsonl")
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130)
        command = re.search(r"edgectl (describe run run_\w+ --follow)", err).group(1).split()
        self.run.answer(1)
        self.run.answer(2)
        self.run.finish()
        self.assertEqual(len(self.edgectl(*command, "-o", "jsonl").stdout.splitlines()), 3)

    def test_a_second_ctrl_c_cancels_the_run(self):
        def half(run):
            run.answer(0)
            self.run = run
        self.broker.on_run = half
        process = self.begin("ping", "198.18.0.80", "from", "all", "-o", "jsonl")
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        self.assertIn("Ctrl-C again", iter_until(process.stderr, "Ctrl-C again"))
        self.assertEqual(self.broker.asked("/cancel"), [])
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(self.broker.asked("/cancel"), [f"POST /api/v1/runs/{self.run.id}/cancel"])
        self.assertIn(f"{self.run.id}: 2 tasks canceled", err)

    def test_a_run_is_canceled_by_its_id(self):
        def half(run):
            run.answer(0)
            self.run = run
        self.broker.on_run = half
        self.begin("ping", "198.18.0.80", "from", "all", "-o", "jsonl").stdout.readline()
        self.assertEqual(self.edgectl("cancel", self.run.id).stdout, f"{self.run.id}: 2 tasks canceled\n")
        self.assertEqual(json.loads(self.edgectl("cancel", self.run.id, "-o", "json").stdout)["tasks"]["canceled"], 2)
        self.run.finish()
        done = self.edgectl("describe", "run", self.run.id, "--follow", expect=3)
        self.assertIn("canceled before it began", done.stdout)


class Lists(WithBroker):
    def test_tables(self):
        self.edgectl("ping", "198.18.0.80", "from", "all")
        self.assertRegex(self.edgectl("get", "nodes").stdout, r"gz-1 +connected +3/3 up +bpf-guard +4.20 ms")
        self.assertRegex(self.edgectl("get", "lines").stdout, r"gz-1 +telecom +ct +up +mismatch +wan0 +100.64.1.2 +bpf-guard\n")
        self.assertRegex(self.edgectl("get", "lines", "-o", "wide").stdout, r"100.64.1.53 +0x101 +101")
        self.assertRegex(self.edgectl("get", "runs").stdout, r"run_\w+ +ping +198.18.0.80 +all +finished +3 +0")
        self.assertIn("no job yet", self.edgectl("get", "jobs").stderr)
        self.assertIn("city:广州 province:guangdong", self.edgectl("get", "nodes").stdout)  # as it can be asked for

    def test_what_scrapes_made_is_left_out_and_that_is_said(self):
        for _ in range(3):
            self.edgectl("ping", "198.18.0.80", "from", "telecom")
        self.assertEqual(self.edgectl("get", "runs").stderr, "")
        scraped, asked = list(self.broker.runs.values())[:2]
        scraped.origin = "prometheus"
        done = self.edgectl("get", "runs")
        self.assertNotIn(scraped.id, done.stdout)
        self.assertIn(asked.id, done.stdout)
        self.assertEqual(done.stderr, "what scrapes of /probe made is left out; edgectl get runs -q all has everything, edgectl get runs -q origin:prometheus that alone\n")
        everything = self.edgectl("get", "runs", "-q", "all")
        self.assertIn(scraped.id, everything.stdout)
        self.assertEqual(everything.stderr, "")
        alone = json.loads(self.edgectl("get", "runs", "-q", "origin:prometheus", "-o", "json").stdout)
        self.assertEqual([run["id"] for run in alone], [scraped.id])

    def test_a_shell_completes_what_the_broker_knows_and_without_it_what_edgectl_knows(self):
        complete = lambda *words, **changes: self.edgectl("__complete", *words, **changes).stdout
        self.assertEqual(complete("describe", "node", "gz"), "gz-1\n")
        self.assertEqual(complete("describe", "node", "x"), "")
        self.assertEqual(complete("ping", "192.0.2.1", "from", ""), "all\ntelecom\nunicom\n")  # of a first page
        self.assertEqual(complete("ping", "192.0.2.1", "from", "", EDGE_TOKEN="wrong"), "all\n")
        self.assertEqual(complete("describe", "node", "gz", EDGE_URL="http://127.0.0.1:9"), "")
        self.assertEqual(complete("describe", "n", EDGE_URL=""), "nodes\n")

    def test_json_is_the_items(self):
        self.assertEqual([node["name"] for node in json.loads(self.edgectl("get", "nodes", "-o", "json").stdout)], ["gz-1"])
        self.assertEqual(len(self.edgectl("get", "lines", "-o", "jsonl").stdout.splitlines()), 3)
        self.assertEqual(json.loads(self.edgectl("get", "jobs", "-o", "json").stdout), [])

    def test_pages_are_turned_up_to_the_limit(self):
        for _ in range(5):
            self.edgectl("ping", "198.18.0.80", "from", "telecom")
        self.assertEqual(len(json.loads(self.edgectl("get", "runs", "-o", "json").stdout)), 5)
        limited = self.edgectl("get", "runs", "-o", "json", "--limit", "3")
        self.assertEqual(len(json.loads(limited.stdout)), 3)
        self.assertEqual(limited.stderr, "3 shown, there are more; --limit takes up to 1000000\n")
        self.assertEqual(self.edgectl("get", "runs", "--limit", "5").stderr, "")

    def test_nodes_and_lines_are_all_there_and_of_jobs_the_newest(self):
        self.broker.copies = 61
        for form, rows in (("table", lambda out: len(out.splitlines()) - 1), ("json", lambda out: len(json.loads(out)))):
            for what, count, note in (("nodes", 61, ""), ("lines", 183, ""), ("jobs", 50, "50 shown, there are more; --limit takes up to 1000000\n")):
                done = self.edgectl("get", what, "-o", form)
                self.assertEqual((rows(done.stdout), done.stderr), (count, note), what)
        self.assertEqual(len(self.edgectl("get", "jobs", "-o", "jsonl", "--limit", "1000").stdout.splitlines()), 60)

    def test_a_job(self):
        self.broker.copies = 2
        self.assertIn("team=edge, for=noc", self.edgectl("get", "jobs", "-o", "wide").stdout)
        job = json.loads(self.edgectl("get", "jobs", "-o", "json").stdout)[0]["id"]
        text = self.edgectl("describe", "job", job).stdout
        for words in (job, "team=edge, for=noc", "198.18.0.80", "count", "selector    all"):
            self.assertIn(words, text)
        self.assertEqual(json.loads(self.edgectl("describe", "job", job, "-o", "json").stdout)["id"], job)

    def test_a_recurring_job(self):
        made = self.edgectl("ping", "198.18.0.80", "from", "all", "--cron", "*/5 * * * *", "--zone", "Asia/Shanghai", "--window", "08:00-20:00")
        for words in (PLAN["id"], "schedule    */5 * * * * Asia/Shanghai, 08:00-20:00", "state       active", "2026-01-01T00:05:00.000Z"):
            self.assertIn(words, made.stdout)
        self.assertIn(f"edgectl describe job {PLAN['id']}", made.stderr)
        told = json.loads(self.edgectl("ping", "198.18.0.80", "from", "all", "--every", "90s", "--jitter", "2s", "-o", "json").stdout)
        self.assertEqual(told["schedule"], {"every_ms": 90_000, "jitter_ms": 2_000})
        text = self.edgectl("describe", "job", PLAN["id"]).stdout
        for words in ("next        2026-01-01T00:05:00.000Z", "2 of 3 ok, 1 lost", "lines       3"):
            self.assertIn(words, text)
        self.assertEqual(self.edgectl("pause", PLAN["id"]).stdout, f"{PLAN['id']} is paused\n")
        self.assertEqual(self.edgectl("resume", PLAN["id"]).stdout, f"{PLAN['id']} is active, next 2026-01-01T00:05:00.000Z\n")
        self.assertEqual(json.loads(self.edgectl("delete", PLAN["id"], "-o", "json").stdout)["state"], "deleted")
        self.assertIn("those begin with job_", self.edgectl("delete", "run_7", expect=2).stderr)

    def test_describe(self):
        self.edgectl("ping", "198.18.0.80", "from", "all")
        run = next(iter(self.broker.runs))
        text = self.edgectl("describe", "run", run).stdout
        for words in (run, "evidence    verified", "100.64.1.2:40001 -> 198.18.0.80", "wan0 via 100.64.1.1 from 100.64.1.2, table 101", "enforced by bpf-guard", "4 of 4"):
            self.assertIn(words, text)
        told = json.loads(self.edgectl("describe", "run", run, "-o", "json").stdout)
        self.assertEqual((told["id"], told["tasks"]["succeeded"], len(told["results"])), (run, 3, 3))
        self.broker.on_run = lambda run: None
        self.begin("ping", "198.18.0.80", "from", "all")
        self.broker.wait_for(lambda: len(self.broker.runs) == 2)
        told = json.loads(self.edgectl("describe", "run", list(self.broker.runs)[1], "-o", "json").stdout)
        self.assertEqual((told["state"], told["tasks"]["queued"], told["results"]), ("running", 3, []))
        self.assertIn("广州", self.edgectl("describe", "node", "gz-1").stdout)
        self.assertIn("mark        0x102, table 102", self.edgectl("describe", "line", "gz-1/unicom").stdout)
        self.edgectl("describe", "line", "unicom")
        self.assertIn('did you mean "unicom"', self.edgectl("describe", "line", "unicon", expect=5).stderr)

    def test_a_nodes_policy_is_told_and_what_is_no_limit_is_not(self):
        text = self.edgectl("describe", "node", "gz-1").stdout
        for words in ("lends     dns, ping", "ports     53, 443", "allowed   10.20.0.0/16, although reserved", "denied    192.0.2.0/24", "open      203.0.113.5:7480", "100 packets/s, 10.0 MB a day",
                      "1 probes/s, 10 at once", "40 % cpu pressure", "cpu pressure 90 %"):
            self.assertIn(words, text)
        self.assertNotIn("memory pressure", text)

    def test_top_tells_who_uses_most(self):
        self.assertRegex(self.edgectl("top", "nodes").stdout, r"gz-1 +48.2 kB +311 kB +12.5% +0.6 +5000 MB .*cpu pressure 90 %")
        self.assertRegex(self.edgectl("top", "lines", "--sort", "day", "--limit", "7").stdout, r"gz-1 +telecom +48.2 kB +311 kB +919 +91.2 MB +3")
        self.assertEqual(len(self.broker.asked("/api/v1/usage/lines?limit=7&sort=day")), 1)
        self.assertEqual(json.loads(self.edgectl("top", "lines", "-o", "json").stdout)[0]["day_bytes"], 91_220_140)
        self.assertIn("nodes or lines", self.edgectl("top", expect=2).stderr)
        self.assertIn("--sort", self.edgectl("top", "nodes", "--sort", "beauty", expect=2).stderr)

    def test_a_token_is_alone_on_stdout(self):
        done = self.edgectl("token", "create", "--node", "gz-2", "--ttl", "15m")
        self.assertEqual(done.stdout, "edgej_secret\n")
        self.assertEqual((self.broker.tokens[0]["node"], self.broker.tokens[0]["ttl_ms"]), ("gz-2", 900_000))
        self.assertIn("edge-agent enroll https://broker.test:7443 --token-file", done.stderr)
        self.assertIn("gz-2", self.edgectl("get", "tokens").stdout)
        self.assertNotIn("already", done.stderr)

    def test_a_token_for_a_node_that_there_is_says_what_becomes_of_it(self):
        for state, said in (("connected", "the broker refuses this token"), ("locked", "takes its place, with a new key")):
            self.broker.node_state = state
            done = self.edgectl("token", "create", "--node", "gz-1")
            self.assertIn(f"node gz-1 is {state} already: ", done.stderr)
            self.assertIn(said, done.stderr)
            self.assertEqual(done.stdout, "edgej_secret\n")

    def test_a_token_may_be_for_many(self):
        done = self.edgectl("token", "create", "--uses", "40", "--cidr", "192.0.2.0/24", "--cidr", "2001:db8::/32", "--label", "tier=core", "--approve", "--ttl", "720h")
        asked = self.broker.tokens[0]
        self.assertEqual((asked["uses"], asked["cidrs"], asked["labels"], asked["approve"], asked["ttl_ms"]),
                         (40, ["192.0.2.0/24", "2001:db8::/32"], {"tier": "core"}, True, 2_592_000_000))
        self.assertIn("for 40 uses until", done.stderr)
        self.assertIn("edgectl approve NODE", done.stderr)
        self.assertRegex(self.edgectl("get", "tokens").stdout, r"open|expired")
        self.assertRegex(self.edgectl("get", "tokens").stdout, r"0/40")
        self.assertIn("KEY=VALUE", self.edgectl("token", "create", "--label", "tier", expect=2).stderr)
        self.assertIn("12 nodes came by it", self.edgectl("token", "revoke", "tok_x").stdout)
        self.assertIn("which one", self.edgectl("token", "revoke", expect=2).stderr)

    def test_orders_about_a_node(self):
        self.assertIn("gz-1 is revoked; to bring it back: edgectl token create --node gz-1", self.edgectl("revoke", "gz-1", "--reason", "stolen").stdout)
        self.assertIn("asked for a new key", self.edgectl("rotate", "gz-1").stdout)
        self.assertIn("not pending", self.edgectl("approve", "gz-1", expect=6).stderr)
        self.broker.node_state = "pending"
        self.assertIn("edgectl approve gz-1", self.edgectl("describe", "node", "gz-1").stdout)
        self.assertIn("approved", self.edgectl("approve", "gz-1").stdout)
        self.assertEqual(json.loads(self.edgectl("reject", "gz-1", "-o", "json").stdout)["state"], "revoked")
        self.assertEqual(self.broker.orders, [("revoke", "stolen"), ("rotate-key", ""), ("approve", ""), ("reject", "")])
        self.edgectl("revoke", "gz-9", expect=5)
        self.assertIn("revoke which node", self.edgectl("revoke", expect=2).stderr)

    def test_a_batch_of_nodes_becomes_a_file_of_commands(self):
        with tempfile.TemporaryDirectory() as folder:
            nodes, out = folder + "/nodes.csv", folder + "/tokens.csv"
            write = lambda text: open(nodes, "w", encoding="utf-8").write(text)
            write('name,province,note\r\ngz-1,guangdong,"a, b"\r\nsh-1,,\r\n')
            done = self.edgectl("enroll-batch", nodes, "--out", out, "--label", "tier=core", "--ttl", "24h")
            self.assertEqual(self.broker.tokens[0], {"labels": {"tier": "core"}, "ttl_ms": 86_400_000, "nodes": [
                {"name": "gz-1", "labels": {"province": "guangdong", "note": "a, b"}}, {"name": "sh-1"}]})
            self.assertIn("join tokens for 2 nodes", done.stderr)
            self.assertEqual(os.stat(out).st_mode & 0o777, 0o600)
            with open(out, newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            self.assertEqual([(row["name"], row["token"]) for row in rows], [("gz-1", "edgej_0"), ("sh-1", "edgej_1")])
            self.assertIn("printf '%s\\n' 'edgej_1' | ", rows[1]["command"])
            self.assertIn("edge-agent enroll 'https://broker.test:7443' --token-file -", rows[1]["command"])
            # Nothing is written over a file, and nothing is left where nothing was made.
            self.assertIn("not written over", self.edgectl("enroll-batch", nodes, "--out", out, expect=1).stderr)
            self.assertIn("a day", self.edgectl("enroll-batch", nodes, "--out", out + "2", "--ttl", "48h", expect=2).stderr)
            self.assertFalse(os.path.exists(out + "2"))
            lines = out + ".jsonl"
            self.edgectl("enroll-batch", nodes, "--out", lines, "--one-token")
            with open(lines, encoding="utf-8") as file:
                told = [json.loads(line) for line in file]
            self.assertEqual({one["token"] for one in told}, {"edgej_secret"})
            self.assertIn("--name sh-1", told[1]["command"])
            asked = len(self.broker.requests)
            write("name,province\ngz-1,guangdong,x\nGZ 2,y\ngz-3,z\ngz-3,z\n")
            wrong = self.edgectl("enroll-batch", nodes, "--out", out + "3", expect=2).stderr
            for words in (nodes + ":2: 3 columns", nodes + ':3: "GZ 2" is no node\'s name', nodes + ":5: gz-3 is there already, in line 4", "3 problems; nothing was made"):
                self.assertIn(words, wrong)
            self.assertEqual(len(self.broker.requests), asked)
            self.assertFalse(os.path.exists(out + "3"))

    def test_api_and_version(self):
        self.assertEqual(json.loads(self.edgectl("api", "GET", "/api/v1/version").stdout)["version"], "0.1.0")
        self.assertIn("broker  0.1.0", self.edgectl("version").stdout)
        self.assertIn("edgectl 0", self.edgectl("version", EDGE_URL="").stdout)


class Terminal(WithBroker):
    """On a pseudo-terminal, as a person sees it."""

    def watch(self, *arguments, columns=100, rows=30, on_text=None, **changes):
        leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        process = subprocess.Popen([EDGECTL, *arguments], env=self.environment(**changes), stdin=follower, stdout=follower, stderr=subprocess.DEVNULL)
        os.close(follower)
        seen = b""
        while True:
            try:
                data = os.read(leader, 65536)
            except OSError:  # EIO: the other end is closed
                break
            if not data:
                break
            seen += data
            if on_text:
                on_text(seen.decode(errors="replace"))
        os.close(leader)
        return process.wait(timeout=20), seen.decode()

    def test_rows_go_from_queued_over_progress_to_their_results(self):
        def hold(run):
            self.run = run
        self.broker.on_run = hold

        def go_on(text):
            shown = without_colour(text)
            if "queued" in shown and self.state == 0:
                self.state = 1
                self.run.progress(0, {"reply": {"seq": 0, "rtt_us": 12_100}})
            elif "reply 1, 12.1 ms" in shown and self.state == 1:
                self.state = 2
                self.run.answer_all()
        self.state = 0
        status, text = self.watch("ping", "198.18.0.80", "from", "all", on_text=go_on)
        self.assertEqual((status, self.state), (0, 2))
        self.assertIn("\x1b[5A", text, "painted over itself: header, three rows, summary")
        self.assertTrue(text.rstrip().endswith("\x1b[?25h"), "the cursor is back")
        last = without_colour(text).replace("\r", "").split("NODE")[-1]
        self.assertEqual(last.count("verified"), 3)
        self.assertIn("3 of 3 ok", last)

    def test_a_narrow_terminal_gets_whole_lines(self):
        for columns in (100, 60, 40, 20):
            with self.subTest(columns):
                _, text = self.watch("dns", "lab.test", "from", "all", columns=columns)
                for line in without_colour(text).replace("\r", "").splitlines():
                    self.assertLessEqual(len(line), columns, line)

    def test_a_narrow_terminal_keeps_figures_whole(self):
        for columns in (60, 45):
            _, text = self.watch("ping", "198.18.0.80", "from", "all", columns=columns)
            last = without_colour(text).replace("\r", "").split("LINE")[-1]
            for figure in ("12.3 ms", "26.3 ms", "40.3 ms"):
                self.assertIn(figure, last)
            self.assertEqual(last.count("verified"), 3)

    def test_no_colour_where_none_is_wanted(self):
        for changes, wanted in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
            with self.subTest(changes):
                _, text = self.watch("get", "lines", **changes)
                self.assertEqual("\x1b[32m" in text, wanted)
        self.assertIn("\x1b[32m", self.edgectl("--color", "always", "get", "lines").stdout)
        _, text = self.watch("--color", "never", "get", "lines")
        self.assertNotIn("\x1b[3", text)

    def test_thousands_of_results_are_a_row_a_line(self):
        status, text = self.watch("ping", "198.18.0.80", "from", "all", "--repeat", "1000", columns=120)
        self.assertEqual(status, 0)
        pictures = without_colour(text).replace("\r", "").split("NODE")[1:]
        for picture in pictures:
            self.assertEqual(len(picture.splitlines()), 5, picture)  # header, three lines, summary
        for name in ("telecom", "unicom", "mobile"):
            self.assertRegex(pictures[-1], name + r" +c\w +1000/1000 +1000 +0 ")
        self.assertIn("3000 of 3000 ok", pictures[-1])

    def test_more_rows_than_the_window_has(self):
        self.broker.on_run = lambda run: run.answer_all()
        _, text = self.watch("ping", "198.18.0.80", "from", "all", rows=5)
        self.assertEqual(without_colour(text).replace("\r", "").split("NODE")[-1].count("verified"), 3, "at the end all of it")


def iter_until(stream, word):
    text = ""
    for line in stream:
        text += line
        if word in line:
            break
    return text


if __name__ == "__main__":
    unittest.main(verbosity=1)
