"""Things that go wrong while probes run, in the lab: the run still ends, and says what happened."""
import datetime
import os
import signal
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
import running_lab  # noqa: E402
from api import Api, Refused  # noqa: E402
from running_lab import AGENT, BROKER, LAUNCHER, cable  # noqa: E402
from seen import seen_by  # noqa: E402

def by_line(run):
    return {result["line"]["name"]: result for result in run["results"]}


class Faults(unittest.TestCase):
    def setUp(self):
        self.api = Api()
        self.ready()

    def ready(self):
        def all_up():
            nodes = self.api.get("/api/v1/nodes")["items"]
            return all(node["state"] == "connected" and len(node["lines"]) == 3 and
                       all(line["state"] == "up" for line in node["lines"]) for node in nodes)

        self.api.wait(all_up, 60, "the node with its three lines")

    def slow_ping(self):
        """A run that takes about four seconds; returns its id once its tasks run."""
        run = self.api.start("ping", "all", target="ping.lab.test", count=40, interval_ms=100)
        self.api.wait(lambda: [task["state"] for task in self.api.get(f"/api/v1/runs/{run['id']}/tasks")["items"]] == ["running"] * 3,
                      20, "three running tasks")
        return run["id"]

    def finished(self, run_id):
        """The finished run, each of its tasks with exactly one result that counts."""
        run = self.api.wait_run(run_id, 90)
        tasks = {task["id"] for task in self.api.items(f"/api/v1/runs/{run_id}/tasks")}
        results = list(self.api.items(f"/api/v1/runs/{run_id}/results"))
        counted = [result["task_id"] for result in results if not result["superseded"]]
        lost, duplicated = len(tasks - set(counted)), len(counted) - len(set(counted))
        seen_by(self, f"{len(tasks)} tasks, {lost} lost, {duplicated} duplicated")
        self.assertEqual((len(tasks), lost, duplicated), (3, 0, 0), results)
        return {**run, "results": results}

    def test_a_broker_killed_in_the_middle_of_a_run_comes_back_and_the_run_completes(self):
        run_id = self.slow_ping()
        running_lab.restart(BROKER, signal.SIGKILL)
        run = self.finished(run_id)
        self.assertEqual(run["tasks"]["succeeded"], 3, run)

    def test_a_broker_that_is_stopped_says_goodbye_and_the_run_completes(self):
        run_id = self.slow_ping()
        running_lab.restart(BROKER, signal.SIGTERM)
        self.assertEqual(self.finished(run_id)["tasks"]["succeeded"], 3)

    def test_an_agent_killed_in_the_middle_reports_its_attempts_as_restarted(self):
        run_id = self.slow_ping()
        running_lab.restart(AGENT, signal.SIGKILL)
        run = self.finished(run_id)
        self.assertEqual({result["failure"]["code"] for result in run["results"]}, {"agent_restarted"}, run)

    def test_a_launcher_killed_in_the_middle_leaves_nothing_and_the_next_probe_works(self):
        run_id = self.slow_ping()
        running_lab.restart(LAUNCHER, signal.SIGKILL)
        run = self.finished(run_id)
        self.assertEqual({result["failure"]["source"] for result in run["results"]}, {"agent"}, run)
        self.ready()
        again = self.api.probe("ping", "all", target="ping.lab.test", count=2)
        self.assertTrue(all(result["evidence"]["verified"] for result in again["results"]), again)

    def test_a_line_with_its_cable_pulled_fails_as_line_and_the_others_finish(self):
        cable("pull", "unicom")
        try:
            run = self.api.probe("ping", "all", target="ping.lab.test", count=2, timeout_ms=1500)
            answers = by_line(run)
            self.assertEqual((answers["unicom"]["status"], answers["unicom"]["failure"]["source"]), ("failed", "line"), answers["unicom"])
            for name in ("telecom", "mobile"):
                self.assertIn(answers[name]["status"], ("ok", "partial"), answers[name])
            states = {line["name"]: line["state"] for line in self.api.get("/api/v1/nodes")["items"][0]["lines"]}
            self.assertEqual(states["unicom"], "down")
            seen_by(self, f"3 tasks, unicom {answers['unicom']['failure']['source']}, "
                          f"{' and '.join(answers[name]['status'] for name in ('telecom', 'mobile'))} the others")
        finally:
            cable("plug", "unicom")
        self.ready()
        self.assertIn(by_line(self.api.probe("ping", "unicom", target="ping.lab.test", count=3))["unicom"]["status"], ("ok", "partial"))

    def test_a_cable_pulled_while_a_probe_runs_fails_it_as_line(self):
        run_id = self.slow_ping()
        cable("pull", "mobile")
        try:
            answers = by_line(self.finished(run_id))
        finally:
            cable("plug", "mobile")
        self.assertIn(answers["mobile"]["status"], ("failed", "partial"))  # partial: a reply was quicker than the hand
        self.assertEqual(answers["mobile"]["failure"]["source"], "line", answers["mobile"])
        self.assertIn(answers["telecom"]["status"], ("ok", "partial"))


class JoinTokens(unittest.TestCase):
    def enroll(self, token):
        """edge-agent enroll on the node, into a state of its own; (exit code, stderr)."""
        state = f"{running_lab.DIRECTORY}/enroll-{os.urandom(4).hex()}"
        os.mkdir(state)
        config = f"{state}/agent.toml"
        with open(config, "w", encoding="utf-8") as file:
            file.write(f'[agent]\nstate_dir = "{state}/state"\nlauncher = "{state}/none.sock"\n')
        done = running_lab.on_node("edge-agent", "enroll", "https://10.90.0.1:7443", "--token-file", "-",
                                   "--config", config, input=token)
        left = sorted(os.listdir(f"{state}/state")) if os.path.isdir(f"{state}/state") else []
        return done.returncode, done.stderr, left

    def test_wrong_used_and_expired_tokens_are_refused_and_leave_nothing(self):
        api = Api()
        good = api.post("/api/v1/join-tokens", {"node": "once-1"})["token"]
        code, _, left = self.enroll(good)
        self.assertEqual(code, 0)
        self.assertIn("identity.json", left)
        late = api.post("/api/v1/join-tokens", {"node": "late-1", "ttl_ms": 1000})
        expired = late["token"]
        ends = datetime.datetime.fromisoformat(late["expires_at"])
        api.wait(lambda: datetime.datetime.now(datetime.timezone.utc) > ends, 10, "the token to expire")
        head, secret, pin = good.split(".")
        wrong = f"{head}.{secret[::-1]}.{pin}"
        refused = 0
        for token, word in ((good, "used"), (expired, "expired"), (wrong, "token")):
            code, said, left = self.enroll(token)
            self.assertEqual(code, 77, said)
            self.assertIn(word, said)
            self.assertEqual(len(said.strip().splitlines()), 1, said)
            self.assertNotIn("identity.json", left)
            self.assertNotIn("node.key", left)
            refused += 1
        seen_by(self, f"{refused} refused, each with exit code 77 and a line that says why, and no key left")
        log = running_lab.log(BROKER)
        self.assertGreaterEqual(log.count("enroll_refused"), 3)
        for secret_text in (secret, expired.split(".")[1]):
            self.assertNotIn(secret_text, log)

    def test_a_token_cannot_outlive_a_day(self):
        with self.assertRaises(Refused) as refused:
            Api().post("/api/v1/join-tokens", {"ttl_ms": 25 * 3600 * 1000})
        self.assertEqual(refused.exception.status, 422)
        seen_by(self, f"25 h were refused with {refused.exception.status}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
