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
    ("broker/http/http.hpp", r"broker/(?!http/)|protocol/", "HTTP knows nothing of what it carries"),
]

# Pure cores: (glob, why). Neither they nor any file of ours they include may do what IMPURE lists.
PURE = [
    ("protocol/**/*.?pp", "what travels on a wire is values in, values out, so that it can be tested and fuzzed without I/O"),
    ("broker/domain/domain.hpp", "gateway and API are built against it without an event loop"),
    ("broker/domain/views.hpp", "views are values, read on any thread"),
    ("broker/http/http.hpp", "handlers know HTTP as values; sockets stay in the server"),
    ("agent/link/link_fsm.?pp", "the link's decisions are tested action by action, without a socket or a clock"),
    ("agent/link/backoff.?pp", "randomness and time are given, so that a fleet's reconnects can be simulated"),
    ("agent/spool/*.?pp", "the spool is tested with the power cut at every step, on a disk that forgets"),
    ("agent/workers/pool_*.?pp", "whatever dies, each task ends once: shown event by event"),
    ("agent/workers/lines.?pp", "translations of values"),
    ("agent/workers/verdict.?pp", "what is published as good is decided without I/O"),
]

# (header pattern, why a pure core has no use for it)
IMPURE_INCLUDES = [
    (r"boost/(asio|beast)[./]", "an event loop: pass `now` and events in, give actions out"),
    (r"spdlog/", "logging belongs to the shell that carries the action out"),
    (r"unistd\.h|fcntl\.h|poll\.h|sys/(socket|epoll|stat|mman|wait|un|ioctl|eventfd|signalfd|timerfd)\.h", "file descriptors belong to a shell"),
    (r"curl/|ares\.h|sqlite3\.h|SQLiteCpp/", "I/O of a library is I/O"),
    (r"fstream|filesystem|iostream|thread|condition_variable|future", "files, streams and threads belong to a shell"),
]
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

# Words that name nothing: alone, and as a part of a name (`ping_core` says whose core it is, `string_util` says nothing).
NAMELESS = {"core", "shared"}
NAMELESS_PARTS = {"util", "utils", "utility", "utilities", "common", "helper", "helpers", "manager", "managers", "misc"}
NAMELESS_REASON = "if a file cannot be named without such a word, what it holds is not yet understood"

# Folders whose every direct subfolder is a module with a README of its own; the top-level folders need one too.
MODULES_OF = ["agent", "broker", "probes", "tests"]
README_REASON = "about ten lines: purpose, arrows, invariants"
