"""What may be where, and why. Each row says the reason; check.py prints it with the offence."""

# Source folders at the top, and which of them each may include. "protocol <- probes, agent, broker, cli; nothing else crosses."
ARROWS = {
    "protocol": [],
    "probes": ["protocol"],
    "agent": ["protocol"],
    "broker": ["protocol"],
    "cli": ["protocol"],
}
ARROWS_REASON = "programs meet in protocol/ alone, so that each can be read, built and replaced by itself"

# Inside a program: (files, what they must not include, why). The files are a glob that must match something.
FENCES = [
    ("broker/http/*.?pp", r"broker/(?!http/)", "HTTP knows nothing of what it carries"),
    ("broker/api/*.?pp", r"broker/store/|broker/domain/(?!(domain|views|webhook_calls|webhook_views)\.hpp)|broker/webhooks/(?!(counters|receiver_rule)\.hpp)", "the API knows the domain's face and nothing behind it"),
    ("broker/console_files/*.?pp", r"broker/(?!http/|console_files/)", "files are served whoever asks; sessions are the API's"),
    ("broker/live/*.?pp", r"broker/store/|broker/domain/(?!(domain|views)\.hpp)", "live events know the domain's face and nothing behind it"),
    ("broker/prometheus/*.?pp", r"broker/store/|broker/api/|broker/domain/(?!(domain|views)\.hpp)|broker/webhooks/(?!counters\.hpp)",
     "what Prometheus asks for is made of the domain's face, and the API knows it, not it the API"),
    ("broker/gateway/*.?pp", r"broker/store/|broker/domain/(?!(domain|views)\.hpp)", "the gateway knows the domain's face and nothing behind it"),
    ("broker/webhooks/*.?pp", r"broker/store/|broker/http/|broker/api/(?!views_json\.hpp)|broker/domain/(?!(domain|views|webhook_calls|webhook_views)\.hpp)",
     "who sends knows the domain's face and nothing behind it"),
    ("broker/domain/*.?pp", r"broker/(?!domain/|store/(store|records|retention|webhook_records|webhook_reads|group_writer|read_queue)\.hpp)",
     "the domain knows the store as an interface with its two queues, and nobody else"),
    ("broker/store/*.?pp", r"broker/(?!store/|domain/(views|webhook_views)\.hpp)", "the store knows records and views, not who asks for them"),
    ("agent/launcher/**/*.?pp", r"agent/(?!launcher/)", "the launcher is root: what it is made of can be read in one sitting"),
    ("agent/launcher/**/*.?pp", r"protocol/(json|link|worker|probes|crypto)/", "the launcher is root: no JSON and no decoder of what the internet sends"),
    ("agent/*.?pp", r"agent/launcher/", "agent and launcher meet in protocol/launcher, across a process boundary"),
    ("agent/link/*.?pp", r"agent/(launcher|workers)/", "the link carries work and does not know who does it"),
    ("agent/health/*.?pp", r"agent/(launcher|link|spool)/", "health is of lines and asks through workers"),
    ("agent/plan/*.?pp", r"agent/(launcher|workers|link|spool)/", "what is due does not depend on who does it"),
    ("broker/zones/*.?pp", r"broker/(?!zones/)", "zones know nothing of jobs"),
    ("agent/spool/*.?pp", r"agent/(launcher|workers|link)/", "the spool keeps bytes and does not know who sends them"),
    ("agent/host/*.?pp", r"agent/(launcher|link|spool|workers)/", "how the machine is doing depends on nobody's work"),
    ("agent/workers/*.?pp", r"agent/(launcher|link|health)/", "workers answer tasks and do not know where they came from"),
    ("probes/dns/*.?pp", r"probes/(http|ping|worker|by_hand)/", "a probe knows no other probe and not who runs it"),
    ("probes/http/*.?pp", r"probes/(dns|ping|worker|by_hand)/", "a probe knows no other probe and not who runs it"),
    ("probes/ping/*.?pp", r"probes/(dns|http|worker|by_hand)/", "a probe knows no other probe and not who runs it"),
    ("cli/show/*.?pp", r"cli/(api|commands)/", "what is shown does not depend on how it was fetched"),
    ("protocol/systemd/*.?pp", r"protocol/(?!systemd/|result\.hpp)", "root's launcher has it as well: it stays small"),
    ("probes/**/*.?pp", r"protocol/systemd/", "a worker speaks to its agent alone; in its cage there is no service manager"),
    ("cli/**/*.?pp", r"protocol/systemd/", "a command of a person's is no service"),
]

# Pure cores: (glob, why). Neither they nor any file of ours they include may do what IMPURE lists.
VALUES = "what travels on a wire is values in, values out, so that it can be tested and fuzzed without I/O"
CORE = "decisions take events and the time and give actions, so that each can be tested without sockets, files or waiting"
PARSER = "a parser of outside bytes is fuzzed by itself"
PURE = [
    ("protocol/**/*.?pp", VALUES),
    *[(f"protocol/systemd/{name}.?pp", CORE) for name in ("journal_entry", "status_pace")],
    ("broker/http/http.hpp", "handlers know HTTP as values; sockets stay in the server"),
    ("broker/domain/domain.hpp", "gateway and API are built against it without an event loop"),
    ("broker/domain/views.hpp", "views are values, read on any thread"),
    ("broker/domain/webhook_views.hpp", "views are values, read on any thread"),
    *[(f"broker/domain/{name}.?pp", CORE) for name in (
        "actions", "active_runs", "conclusion", "dispatch", "domain_fsm", "domain_state", "endpoints", "enrolment", "entities", "fleet", "fleet_search", "intake",
        "choice", "jobs", "join_rule", "plan_changes", "plan_runs", "plan_targets", "planned_jobs", "plans", "journal", "lending", "node_events", "node_usage", "outbox", "recovery", "selector", "sessions", "timers", "token_text", "webhooks")],
    ("broker/api/authentication.?pp", CORE),
    *[(f"broker/console_files/{name}.?pp", CORE) for name in ("answer", "console_files")],
    *[(f"broker/live/{name}.?pp", CORE) for name in ("hub", "outbox", "overview", "stream_messages", "topic")],
    ("broker/live/live.hpp", "the API is built against it without an event loop"),
    ("broker/http/websocket_request.?pp", PARSER),
    ("broker/api/csv.?pp", "a row is text out of values"),
    ("broker/store/store.hpp", "the domain is built against it without a database"),
    ("broker/store/records.hpp", "records are values"),
    ("broker/store/retention.hpp", CORE),
    ("broker/store/webhook_*.hpp", "records are values"),
    *[(f"broker/webhooks/{name}.?pp", CORE) for name in (
        "breaker", "cloud_event", "counters", "delivery_plan", "receiver_rule", "schedule", "signature")],
    *[(f"broker/gateway/{name}.?pp", CORE) for name in ("poll_fsm", "session_fsm")],
    *[(f"broker/prometheus/{name}.?pp", CORE) for name in (
        "discovery", "fleet_series", "modules", "pattern", "probe_metrics", "probe_request", "result_series", "store_series", "text_format", "webhook_series", "yaml_tree")],
    *[(f"broker/http/{name}.?pp", PARSER) for name in ("browser", "precheck", "text")],
    *[(f"agent/link/{name}.?pp", CORE) for name in ("link_fsm", "backoff", "hello", "endpoint", "outgoing", "transport_choice", "way_back", "way_choice")],
    ("agent/link/proxy.?pp", PARSER),
    ("agent/accepted_work.?pp", CORE),
    ("agent/start_gate.?pp", CORE),
    *[(f"agent/plan/{name}.?pp", CORE) for name in ("fired", "planner")],
    ("agent/plan/plan_files.?pp", PARSER),
    *[(f"broker/zones/{name}.?pp", PARSER) for name in ("tz_rule", "tzif")],
    ("agent/spool/segment.?pp", PARSER),
    ("agent/workers/launcher_answers.?pp", PARSER),
    *[(f"agent/workers/{name}.?pp", CORE) for name in ("node_policy", "pool_fsm", "pool_tasks", "task_admission", "verdict")],
    *[(f"agent/host/{name}.?pp", CORE) for name in ("kernel_texts", "minute_facts", "pressure_fsm")],
    *[(f"agent/health/{name}.?pp", CORE) for name in ("checks", "health_fsm", "standing")],
    ("agent/health/prefix_lines.?pp", PARSER),
    *[(f"agent/doctor/{name}.?pp", CORE) for name in ("escape_verdict", "findings")],
    *[(f"agent/enrolment/{name}.?pp", CORE) for name in ("carrier_guess", "config_texts", "propose_lines")],
    ("agent/enrolment/ip_output.?pp", PARSER),
    ("agent/launcher/packets.?pp", PARSER),
    *[(f"agent/launcher/{name}.?pp", CORE) for name in ("line_checks", "policy_entries", "usage_ledger")],
    *[(f"agent/launcher/lines/{name}.?pp", CORE) for name in ("device_plan", "line_info", "missing", "routing_plan", "target_table")],
    ("agent/launcher/lines/netlink_messages.?pp", PARSER),
    ("agent/launcher/sandbox/log_lines.?pp", PARSER),
    *[(f"probes/ping/{name}.?pp", CORE) for name in ("ping_core", "icmp_echo")],
    ("probes/ping/control_messages.?pp", PARSER),
    ("probes/by_hand/print.?pp", "what a person reads is text out of values"),
    *[(f"probes/dns/{name}.?pp", CORE) for name in ("answer", "query_core", "query_message")],
    *[(f"probes/http/{name}.?pp", PARSER) for name in ("response_head", "kept_answer", "redirect")],
    ("probes/worker/admission.?pp", CORE),
    *[(f"cli/run/{name}.?pp", CORE) for name in ("run_state", "follow_fsm")],
    *[(f"cli/api/{name}.?pp", PARSER) for name in ("sse", "problem")],
    *[(f"cli/show/{name}.?pp", "tables are text out of values") for name in ("figures", "probe_table", "style", "table", "text")],
]

# What a wider glob of PURE takes in and is a shell all the same: (glob, why). A narrower row of PURE still holds there.
SHELLS = [("protocol/systemd/*.?pp", "daemons speak to systemd over sockets, and three programs do it in the same words")]

# (header pattern, why a pure core has no use for it)
IMPURE_INCLUDES = [
    (r"boost/(asio|beast)[./]", "an event loop: pass `now` and events in, give actions out"),
    (r"spdlog/", "logging belongs to the shell that carries the action out"),
    (r"unistd\.h|fcntl\.h|poll\.h|sys/(socket|epoll|stat|mman|wait|un|ioctl|eventfd|signalfd|timerfd)\.h", "file descriptors belong to a shell"),
    (r"curl/|ares\.h|sqlite3\.h|SQLiteCpp/", "I/O of a library is I/O"),
    (r"fstream|filesystem|iostream|thread|condition_variable|future", "files, streams and threads belong to a shell"),
]
# What a pure core includes all the same: (file, header) and why.
IMPURE_ALLOWED = {
    ("agent/launcher/packets.cpp", "sys/socket.h"): "AF_INET and AF_INET6 are numbers of the packets' format",
    ("agent/launcher/lines/netlink_messages.cpp", "sys/socket.h"): "AF_INET and AF_INET6 are numbers of the messages' format",
    ("probes/ping/control_messages.hpp", "sys/socket.h"): "msghdr is what is read",
}
# (pattern in code, why)
IMPURE_CODE = [
    (r"\b(steady|system|high_resolution)_clock::now\b|\bgettimeofday\s*\(|\bclock_gettime\s*\(|\btime\s*\(\s*(nullptr|NULL|0)\s*\)",
     "a core takes `now` as an argument, so that a test can choose it"),
    (r"\b(std::|secure_)?getenv\s*\(", "a core's inputs are its arguments; the environment is read in main"),
]

# Bans in code: (pattern, roots, files that may, why)
BANS = [
    (r"\b(?:json|Json|ordered_json|basic_json\s*<[^>]*>)\s*::\s*(?:parse|accept|sax_parse|from_cbor|from_msgpack|from_bson|from_ubjson|from_bjdata)\b",
     ["protocol", "probes", "agent", "broker", "cli", "tests"], ["protocol/json/bounded.cpp"],
     "nlohmann 3.11.2 crashes on deep input, takes the last of equal keys and stops at NUL: parse_json() is the one door"),
    (r"\bdetached\b", ["protocol", "probes", "agent", "broker", "cli", "tests"], [],
     "an exception in a detached coroutine ends the process: every co_spawn has a completion handler that decides"),
    (r"\bsleep_(?:for|until)\b|\b(?:u|nano)sleep\s*\(|\bsleep\s*\(\s*\d", ["tests"], [],
     "a test that sleeps is slow or flaky: use a manual clock, or wait for the event"),
    (r"\bstd::(?:w?regex|w?smatch|w?cmatch|regex_\w+|basic_regex)\b", ["protocol", "probes", "agent", "broker", "cli"], [],
     "libstdc++'s regex recurses once a character and overflows the stack on long input"),
]

# SQL in string literals: (pattern, roots, folders that may, why)
SQL = (r"\b(?:SELECT\b.+\bFROM|INSERT\s+(?:OR\s+\w+\s+)?INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|(?:CREATE|DROP|ALTER)\s+(?:TABLE|INDEX|TRIGGER|VIEW)|PRAGMA\s+\w+)\b",
       ["protocol", "probes", "agent", "broker", "cli"], ["broker/store"],
       "the store is an interface with a contract suite; SQL anywhere else could not move to another engine")

# Beast costs 30 to 40 seconds a file; it stays behind narrow headers.
BEAST = (r"boost/beast", ["protocol", "probes", "agent", "broker", "cli"], 4, "a file that includes Beast and coroutines takes 27-41 s to compile")

# (files, most lines of code, why): what is left without blank lines, comments and includes.
SIZES = [("agent/launcher/**/*.?pp", 6600, "the launcher is root: it is audited in one sitting (docs/decisions/0002)")]

# Words that name nothing: alone, and as a part of a name (`ping_core` says whose core it is, `string_util` says nothing).
NAMELESS = {"core", "shared"}
NAMELESS_PARTS = {"util", "utils", "utility", "utilities", "common", "helper", "helpers", "manager", "managers", "misc"}
NAMELESS_REASON = "if a file cannot be named without such a word, what it holds is not yet understood"

# Folders whose every direct subfolder is a module with a README of its own; the top-level folders need one too.
MODULES_OF = ["agent", "broker", "probes", "tests"]
README_REASON = "about ten lines: purpose, arrows, invariants"

# The page whose examples are the bytes of golden files.
EXAMPLES = ("docs/protocol.md", "tests/unit/protocol/golden")
EXAMPLES_REASON = "somebody writes an agent from this page; `EDGE_GOLDEN=write` and copy the file into the page"
