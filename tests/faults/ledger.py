"""What was promised against what is there: jobs that were answered 201, results that agents produced, and what the broker's API tells in
the end."""
import collections
import http.client
import uuid


class Ledger:
    """Owns no connection: brokers come and go."""

    def __init__(self):
        self._asked = {}  # idempotency key -> (job, its run's id or None while nobody answered)
        self.produced = set()  # ids of results that an agent has written down
        self._seen = {}  # id of a result that the API has shown -> what it said

    def ask(self, api, job):
        """The run's id, or None where no answer came."""
        key = str(uuid.uuid4())
        self._asked[key] = (job, None)
        return self._ask(api, key)

    def _ask(self, api, key):
        job, _ = self._asked[key]
        try:
            run = api.post("/api/v1/jobs", job, **{"Idempotency-Key": key})["id"]
        except (OSError, http.client.HTTPException):
            return None
        self._asked[key] = (job, run)
        return run

    def settle(self, api):
        """Asks again, with the same key, whatever was not answered."""
        for key, (_, run) in self._asked.items():
            if run is None:
                assert self._ask(api, key), key

    def note(self, api, run):
        """What is shown now has to be shown for ever."""
        for result in api.items(f"/api/v1/runs/{run}/results"):
            self._seen[result["id"]] = (result["task_id"], result["attempt"], result["status"])

    def check(self, api, within_s=60):
        """(results, lost, duplicated): 0 and 0, or somebody lied."""
        self.settle(api)
        told, lost, duplicated = {}, [], []
        for _, run in self._asked.values():
            api.wait_run(run, within_s)
            tasks = {task["id"] for task in api.items(f"/api/v1/runs/{run}/tasks")}
            results = list(api.items(f"/api/v1/runs/{run}/results"))
            counted = collections.Counter(result["task_id"] for result in results if not result["superseded"])
            lost += [task for task in tasks if task not in counted]
            duplicated += [task for task, times in counted.items() if times > 1]
            attempts = collections.Counter((result["task_id"], result["attempt"]) for result in results)
            duplicated += [attempt for attempt, times in attempts.items() if times > 1]
            for result in results:
                if result["id"] in told:
                    duplicated.append(result["id"])
                told[result["id"]] = (result["task_id"], result["attempt"], result["status"])
        lost += [rid for rid in self.produced if rid not in told]
        lost += [rid for rid, said in self._seen.items() if told.get(rid) != said]
        runs = [run["id"] for run in api.items("/api/v1/runs")]
        ours = {run for _, run in self._asked.values()}
        duplicated += [run for run in runs if run not in ours] + [run for run, times in collections.Counter(runs).items() if times > 1]
        lost += [run for run in ours if run not in runs]
        return told, lost, duplicated
