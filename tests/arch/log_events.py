"""The events that programs log at info or above, {program: {event: {levels}}}: of the sources, and of a page's tables."""
import re

PROGRAMS = ("broker", "agent", "launcher")
# Each says a line itself; the method is the level.
CALL = re.compile(r"(?:\bspdlog::|\blog_?(?:\.|->))(info|warn|error|critical|log)\s*\((?!\))")
# Each makes the text of a line that another file says, at this level, or where it is None at the one that stands before the text.
MAKERS = [(re.compile(r"(?<!struct )\bNoted\s*\{"), "info"), (re.compile(r"(?<!struct )\b(?:Say|PoolNote|HealthNote)\s*\{"), None),
          (re.compile(r"\b(?:notes_|messages)\.push_back\s*\("), "warn")]
# Functions of that name are many: those of a speaker that begin with a text make one.
NAMED = re.compile(r"\bnote(?:_refused)?\s*\(")
# Files that say or hand on what others made, and what that is: no event stands there.
SPEAKERS = {
    "agent/agent_plan.cpp": "notes of the spool and of plans", "agent/commands.cpp": "notes of the spool", "agent/health/health.cpp": "HealthNote",
    "agent/launcher/lines/lines.cpp": "messages", "agent/link/link.cpp": "Say, and notes of the spool", "agent/workers/workers.cpp": "PoolNote",
    "broker/domain/intake.cpp": "note_refused", "broker/domain/local_domain.cpp": "Noted", "broker/domain/node_orders.cpp": "note",
}
# Events that a file puts together, or that are said at another level than their kind.
BY_HAND = {
    "agent/health/health_fsm.cpp": {"line_up": "info", "line_degraded": "warn", "line_down": "warn", "line_unknown": "warn", "line_disabled": "warn",
                                    "line_draining": "warn"},
    "agent/workers/pool_fsm.cpp": {"worker_crashed": "warn", "worker_oom": "warn"},
    "agent/spool/given_up.cpp": {"results_given_up": "error"},
    "broker/domain/node_events.cpp": {"node.uplink": "info", "line.state": "info", "line.identity": "info"},
}
EVENT = re.compile(r"[a-z][a-z_]*(?:\.[a-z_]+)?(?= |$)")
ROW = re.compile(r"^\| `([a-z_.]+)` \| ([a-z, ]+) \|", re.M)


def programs_of(path):
    if path.startswith("protocol/"):
        return PROGRAMS
    return ("launcher",) if path.startswith("agent/launcher/") else (path.split("/")[0],)


def levels_in(method, before):
    """Of a call's method, or of what stands before the text."""
    if method and method != "log":
        return {method}
    if named := re.findall(r"\b[Ll]evel::(\w+)", before):
        return set(named) - {"debug", "trace"}
    return {"warn" if re.match(r"\s*true\b", before) else "info"}


def read_source(source):
    """([(event, levels)], lines that say or make one whose event cannot be read)."""
    found, unread = [], []
    for pattern, level in [(CALL, None), (NAMED, "info"), *MAKERS]:
        for begins in pattern.finditer(source.code):
            end = source.code.find(";", begins.end())
            at, text = next(((at, text.strip('"')) for at, text in source.literals if begins.end() <= at < end), (end, ""))
            before = source.code[begins.end():at]
            levels = levels_in(begins[1] if pattern is CALL else level, before)
            if pattern is NAMED and (before.strip() or source.path not in SPEAKERS):
                continue
            if levels and (event := EVENT.match(text)):
                found.append((event[0], levels))
            elif levels and not (source.path in SPEAKERS and (pattern is not CALL or text.startswith("{}"))):
                unread.append(source.line(begins.start()))
    return found, unread


def of_sources(tree):
    """({program: {event: {levels}}}, what cannot be told from the sources)."""
    events = {program: {} for program in PROGRAMS}
    wrong = [f"{path}: is gone; take it out of log_events.py" for path in {**SPEAKERS, **BY_HAND} if path not in tree.sources]
    for source in tree.below(("agent", "broker", "protocol")):
        found, unread = read_source(source)
        by_hand = BY_HAND.get(source.path, {})
        if not by_hand:
            wrong += [f"{source.path}:{line}: which event? Let its text begin with the name, or add it to log_events.py" for line in unread]
        said = [text.strip('"').split(" ")[0] for _, text in source.literals]
        wrong += [f"{source.path}: does not say {event}; take it out of log_events.py" for event in by_hand
                  if not any(len(text) > 4 and event.startswith(text) for text in said)]
        for event, levels in [one for one in found if one[0] not in by_hand] + [(event, {level}) for event, level in by_hand.items()]:
            for program in programs_of(source.path):
                events[program].setdefault(event, set()).update(levels)
    return events, wrong


def of_page(text):
    """Each table stands behind a mark, <!-- events: PROGRAM -->, and ends with an empty line."""
    tables = dict(re.findall(r"<!-- events: (\w+) -->\n\n(.*?\n)(?:\n|$)", text, re.S))
    return {program: {event: set(levels.split(", ")) for event, levels in ROW.findall(tables.get(program, ""))} for program in PROGRAMS}
