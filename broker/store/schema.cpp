#include "broker/store/schema.hpp"

#include <array>
#include <charconv>

namespace edge::broker {
namespace {

// Times are microseconds since 1970. `k` is the integer key that other rows refer to; `id` the public id's 16 bytes.
constexpr std::string_view kStep1 = R"sql(
CREATE TABLE projects (
    k INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO projects (k, name) VALUES (1, 'default');

CREATE TABLE api_tokens (
    k INTEGER PRIMARY KEY,
    project INTEGER NOT NULL DEFAULT 1 REFERENCES projects (k),
    id BLOB NOT NULL UNIQUE,
    lookup TEXT NOT NULL UNIQUE,
    hash BLOB NOT NULL,
    admin INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE nodes (
    k INTEGER PRIMARY KEY,
    project INTEGER NOT NULL DEFAULT 1 REFERENCES projects (k),
    id BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    key BLOB NOT NULL UNIQUE,
    state TEXT NOT NULL,
    labels TEXT NOT NULL,
    agent_version TEXT NOT NULL,
    policy_hash TEXT NOT NULL,
    lines TEXT NOT NULL,
    enrolled_at INTEGER NOT NULL,
    connected_at INTEGER,
    last_seen_at INTEGER,
    epoch INTEGER NOT NULL,
    join_counter INTEGER NOT NULL,
    join_confirmed INTEGER NOT NULL,
    UNIQUE (project, name)
) STRICT;

CREATE TABLE join_tokens (
    k INTEGER PRIMARY KEY,
    project INTEGER NOT NULL DEFAULT 1 REFERENCES projects (k),
    id BLOB NOT NULL UNIQUE,
    hash BLOB NOT NULL,
    node TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    used_by BLOB REFERENCES nodes (id) DEFERRABLE INITIALLY DEFERRED
) STRICT;

CREATE TABLE spools (
    k INTEGER PRIMARY KEY,
    project INTEGER NOT NULL DEFAULT 1 REFERENCES projects (k),
    node INTEGER NOT NULL REFERENCES nodes (k),
    id BLOB NOT NULL,
    committed INTEGER NOT NULL,
    UNIQUE (node, id)
) STRICT;

CREATE TABLE jobs (
    k INTEGER PRIMARY KEY,
    project INTEGER NOT NULL DEFAULT 1 REFERENCES projects (k),
    id BLOB NOT NULL UNIQUE,
    service TEXT NOT NULL,
    params TEXT NOT NULL,
    target TEXT NOT NULL,
    selector TEXT NOT NULL,
    labels TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE runs (
    k INTEGER PRIMARY KEY,
    project INTEGER NOT NULL DEFAULT 1 REFERENCES projects (k),
    id BLOB NOT NULL UNIQUE,
    job INTEGER NOT NULL REFERENCES jobs (k),
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    start_within_ms INTEGER NOT NULL,
    run_within_ms INTEGER NOT NULL,
    total INTEGER NOT NULL,
    succeeded INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    timed_out INTEGER NOT NULL DEFAULT 0,
    canceled INTEGER NOT NULL DEFAULT 0,
    expired INTEGER NOT NULL DEFAULT 0,
    lost INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX runs_of_job ON runs (job);
CREATE INDEX runs_unfinished ON runs (k) WHERE state = 'running';

CREATE TABLE tasks (
    k INTEGER PRIMARY KEY,
    project INTEGER NOT NULL DEFAULT 1 REFERENCES projects (k),
    id BLOB NOT NULL UNIQUE,
    run INTEGER NOT NULL REFERENCES runs (k),
    node INTEGER NOT NULL REFERENCES nodes (k),
    line TEXT NOT NULL,
    carrier TEXT NOT NULL,
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    recorded INTEGER NOT NULL,
    offered INTEGER NOT NULL
) STRICT;
CREATE INDEX tasks_of_run ON tasks (run);

CREATE TABLE results (
    k INTEGER PRIMARY KEY,
    project INTEGER NOT NULL DEFAULT 1 REFERENCES projects (k),
    rid BLOB NOT NULL UNIQUE,
    spool INTEGER NOT NULL REFERENCES spools (k),
    n INTEGER NOT NULL,
    run INTEGER NOT NULL REFERENCES runs (k),
    task INTEGER NOT NULL REFERENCES tasks (k),
    attempt INTEGER NOT NULL,
    superseded INTEGER NOT NULL,
    status TEXT NOT NULL,
    started_us INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    envelope TEXT NOT NULL,
    UNIQUE (task, attempt)
) STRICT;
CREATE INDEX results_of_run ON results (run);

CREATE TABLE result_details (
    result INTEGER PRIMARY KEY REFERENCES results (k),
    project INTEGER NOT NULL DEFAULT 1 REFERENCES projects (k),
    detail TEXT NOT NULL
) STRICT;

CREATE TABLE idempotency_keys (
    project INTEGER NOT NULL DEFAULT 1 REFERENCES projects (k),
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    run INTEGER NOT NULL REFERENCES runs (k),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (project, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    k INTEGER PRIMARY KEY,
    project INTEGER NOT NULL DEFAULT 1 REFERENCES projects (k),
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL
) STRICT;
)sql";

// A rid is made by a node: that it is there already may not keep another result away. The spool's greatest rid tells
// nearly always, without a look at the results, that a rid is new.
constexpr std::string_view kStep2 = R"sql(
CREATE TABLE results_anew (
    k INTEGER PRIMARY KEY,
    project INTEGER NOT NULL DEFAULT 1 REFERENCES projects (k),
    rid BLOB NOT NULL,
    spool INTEGER NOT NULL REFERENCES spools (k),
    n INTEGER NOT NULL,
    run INTEGER NOT NULL REFERENCES runs (k),
    task INTEGER NOT NULL REFERENCES tasks (k),
    attempt INTEGER NOT NULL,
    superseded INTEGER NOT NULL,
    status TEXT NOT NULL,
    started_us INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    envelope TEXT NOT NULL,
    UNIQUE (task, attempt)
) STRICT;
INSERT INTO results_anew (k, project, rid, spool, n, run, task, attempt, superseded, status, started_us, duration_us,
    envelope)
SELECT k, project, rid, spool, n, run, task, attempt, superseded, status, started_us, duration_us, envelope
FROM results ORDER BY k;
DROP TABLE results;
ALTER TABLE results_anew RENAME TO results;
CREATE INDEX results_of_run ON results (run);
CREATE INDEX results_by_rid ON results (rid);

ALTER TABLE spools ADD COLUMN newest_rid BLOB NOT NULL DEFAULT x'00000000000000000000000000000000';
UPDATE spools SET newest_rid = newest.rid
FROM (SELECT spool, max(rid) AS rid FROM results GROUP BY spool) AS newest WHERE newest.spool = spools.k;
)sql";

// Empty: not told yet.
constexpr std::string_view kStep3 = R"sql(
ALTER TABLE nodes ADD COLUMN policy TEXT NOT NULL DEFAULT '';
)sql";

// What became of nodes and lines. Numbered by node, so that the oldest of each can go without a search.
constexpr std::string_view kStep4 = R"sql(
CREATE TABLE node_events (
    project INTEGER NOT NULL DEFAULT 1 REFERENCES projects (k),
    node INTEGER NOT NULL REFERENCES nodes (k),
    n INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    line TEXT NOT NULL,
    was TEXT NOT NULL,
    became TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (node, n)
) STRICT, WITHOUT ROWID;
)sql";

// How a job is to be done. Of an older one its run tells all but the level, which was not kept.
constexpr std::string_view kStep5 = R"sql(
ALTER TABLE jobs ADD COLUMN start_within_ms INTEGER NOT NULL DEFAULT 60000;
ALTER TABLE jobs ADD COLUMN repeat INTEGER NOT NULL DEFAULT 1;
ALTER TABLE jobs ADD COLUMN require_level TEXT NOT NULL DEFAULT 'none';
UPDATE jobs SET start_within_ms = r.start_within_ms,
    repeat = max(1, r.total / max(1, (SELECT count(*) FROM (SELECT DISTINCT node, line FROM tasks WHERE run = r.k))))
FROM runs AS r WHERE r.job = jobs.k;
)sql";

// Webhooks. A delivery is a message's way to one endpoint; the pending ones are the queue, by the time they are due.
// The endpoint's part of the row is not deleted with it: what was delivered stays to be read until its message goes.
constexpr std::string_view kStep6 = R"sql(
CREATE TABLE webhooks (
    k INTEGER PRIMARY KEY,
    project INTEGER NOT NULL DEFAULT 1 REFERENCES projects (k),
    id BLOB NOT NULL UNIQUE,
    url TEXT NOT NULL,
    description TEXT NOT NULL,
    events TEXT NOT NULL,
    selector TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    disabled_reason TEXT NOT NULL,
    secret BLOB NOT NULL,
    old_secret BLOB,
    old_secret_until INTEGER,
    created_at INTEGER NOT NULL,
    failing_since INTEGER,
    expires_at INTEGER,
    dropped_at INTEGER
) STRICT;

CREATE TABLE messages (
    k INTEGER PRIMARY KEY,
    project INTEGER NOT NULL DEFAULT 1 REFERENCES projects (k),
    id BLOB NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE deliveries (
    k INTEGER PRIMARY KEY,
    project INTEGER NOT NULL DEFAULT 1 REFERENCES projects (k),
    id BLOB NOT NULL UNIQUE,
    message INTEGER NOT NULL REFERENCES messages (k) ON DELETE CASCADE,
    webhook INTEGER NOT NULL REFERENCES webhooks (k),
    state TEXT NOT NULL,
    once INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    last_status INTEGER NOT NULL DEFAULT 0,
    last_error TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX deliveries_due ON deliveries (webhook, due_at) WHERE state = 'pending';
CREATE INDEX deliveries_of_webhook ON deliveries (webhook, k);
CREATE INDEX deliveries_failed ON deliveries (webhook, k) WHERE state = 'failed';
CREATE INDEX deliveries_of_message ON deliveries (message);

CREATE TABLE attempts (
    project INTEGER NOT NULL DEFAULT 1 REFERENCES projects (k),
    delivery INTEGER NOT NULL REFERENCES deliveries (k) ON DELETE CASCADE,
    n INTEGER NOT NULL,
    at INTEGER NOT NULL,
    url TEXT NOT NULL,
    peer TEXT NOT NULL,
    request_headers TEXT NOT NULL,
    status INTEGER NOT NULL,
    response_head BLOB NOT NULL,
    response_body BLOB NOT NULL,
    error TEXT NOT NULL,
    times TEXT NOT NULL,
    PRIMARY KEY (delivery, n)
) STRICT, WITHOUT ROWID;
)sql";

// Whether a node was told as connected; of older events the last of the kind says it.
constexpr std::string_view kStep7 = R"sql(
ALTER TABLE nodes ADD COLUMN is_there INTEGER NOT NULL DEFAULT 0;
UPDATE nodes SET is_there = coalesce((SELECT e.kind = 'connected' FROM node_events e
    WHERE e.node = nodes.k AND e.kind IN ('connected', 'disconnected', 'locked') ORDER BY e.n DESC LIMIT 1), 0);
)sql";

// Who asked for a job, and with it its runs. Of an older one its labels say it. Scrapes of /probe are soon most of
// both, or none at all: either kind is found without reading the other.
constexpr std::string_view kStep8 = R"sql(
ALTER TABLE jobs ADD COLUMN origin TEXT NOT NULL DEFAULT 'api';
ALTER TABLE runs ADD COLUMN origin TEXT NOT NULL DEFAULT 'api';
UPDATE jobs SET origin = 'prometheus' WHERE labels ->> '$.origin' = 'prometheus' AND labels ->> '$.module' <> '';
UPDATE runs SET origin = 'prometheus' WHERE job IN (SELECT k FROM jobs WHERE origin = 'prometheus');
CREATE INDEX jobs_unscraped ON jobs (k) WHERE origin <> 'prometheus';
CREATE INDEX jobs_scraped ON jobs (k) WHERE origin = 'prometheus';
CREATE INDEX runs_unscraped ON runs (k) WHERE origin <> 'prometheus';
CREATE INDEX runs_scraped ON runs (k) WHERE origin = 'prometheus';

-- Deliveries are asked for by their time; those made at one time stand in the order of k.
DROP INDEX deliveries_of_webhook;
DROP INDEX deliveries_failed;
CREATE INDEX deliveries_of_webhook ON deliveries (webhook, created_at);
CREATE INDEX deliveries_failed ON deliveries (webhook, created_at) WHERE state = 'failed';
)sql";

// A restored file begins a new generation: it may lack what it acknowledged, and nodes may have joined since. The
// file's own history, of no project. What is there already joined in the first one.
constexpr std::string_view kStep9 = R"sql(
CREATE TABLE generations (
    k INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    restored_at INTEGER
) STRICT;
INSERT INTO generations (k, id) VALUES (1, randomblob(16));

ALTER TABLE nodes ADD COLUMN joined_in INTEGER NOT NULL DEFAULT 1;
ALTER TABLE spools ADD COLUMN recover_upto INTEGER NOT NULL DEFAULT 0;
ALTER TABLE spools ADD COLUMN recover_more INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN recovered INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN recovered INTEGER NOT NULL DEFAULT 0;

-- What retention looks for: finished runs, those with failures apart, the oldest first; keys by age and by their run.
CREATE INDEX runs_by_end ON runs ((failed + timed_out + expired + lost > 0), finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX keys_by_age ON idempotency_keys (created_at);
CREATE INDEX keys_of_run ON idempotency_keys (run);
)sql";

// Deliveries are asked for by their state as well: few wait among many that were delivered, or the other way round.
constexpr std::string_view kStep10 = R"sql(
DROP INDEX deliveries_failed;
CREATE INDEX deliveries_by_state ON deliveries (webhook, state, created_at);
)sql";

// Recurring jobs: a row of `jobs` each revision. `series` is the public id of all of them, which the first one has as
// its own.
constexpr std::string_view kStep11 = R"sql(
ALTER TABLE jobs ADD COLUMN align INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN series BLOB;
ALTER TABLE jobs ADD COLUMN schedule TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN state TEXT NOT NULL DEFAULT 'once';
ALTER TABLE jobs ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
ALTER TABLE jobs ADD COLUMN revised_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN ended_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN made_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN fingerprint BLOB NOT NULL DEFAULT x'';
CREATE INDEX jobs_of_series ON jobs (series, revision) WHERE series IS NOT NULL;

ALTER TABLE runs ADD COLUMN tick INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX runs_of_tick ON runs (job, tick) WHERE tick > 0;

CREATE TABLE job_keys (
    project INTEGER NOT NULL DEFAULT 1 REFERENCES projects (k),
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    job BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (project, key)
) STRICT, WITHOUT ROWID;
)sql";

// Why a node is shut out, by which token it came and what that preset; the key that takes its key's place.
constexpr std::string_view kStep12 = R"sql(
ALTER TABLE nodes ADD COLUMN reason TEXT NOT NULL DEFAULT '';
ALTER TABLE nodes ADD COLUMN token BLOB;
ALTER TABLE nodes ADD COLUMN preset TEXT NOT NULL DEFAULT '{}';
ALTER TABLE nodes ADD COLUMN next_key BLOB;
ALTER TABLE nodes ADD COLUMN next_key_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE nodes ADD COLUMN rotate INTEGER NOT NULL DEFAULT 0;
UPDATE nodes SET token = (SELECT t.id FROM join_tokens t WHERE t.used_by = nodes.id ORDER BY t.used_at DESC LIMIT 1);

-- A join token is for several uses; the nodes say who came by it.
CREATE TABLE join_tokens_anew (
    k INTEGER PRIMARY KEY,
    project INTEGER NOT NULL DEFAULT 1 REFERENCES projects (k),
    id BLOB NOT NULL UNIQUE,
    hash BLOB NOT NULL,
    node TEXT,
    uses INTEGER NOT NULL,
    cidrs TEXT NOT NULL,
    labels TEXT NOT NULL,
    approve INTEGER NOT NULL,
    nodes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used INTEGER NOT NULL,
    used_at INTEGER,
    revoked_at INTEGER
) STRICT;
INSERT INTO join_tokens_anew (k, project, id, hash, node, uses, cidrs, labels, approve, nodes, created_at, expires_at,
    used, used_at)
SELECT k, project, id, hash, node, 1, '[]', '{}', 0, '[]', created_at, expires_at, used_at IS NOT NULL, used_at
FROM join_tokens ORDER BY k;
DROP TABLE join_tokens;
ALTER TABLE join_tokens_anew RENAME TO join_tokens;
)sql";

// What a node's link is on.
constexpr std::string_view kStep13 = R"sql(
ALTER TABLE nodes ADD COLUMN uplink TEXT NOT NULL DEFAULT '';
)sql";

// What a job does not wait for.
constexpr std::string_view kStep14 = R"sql(
ALTER TABLE jobs ADD COLUMN run_within_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN when_unknown TEXT NOT NULL DEFAULT 'wait';
)sql";

// How far a node's clock was off.
constexpr std::string_view kStep15 = R"sql(
ALTER TABLE results ADD COLUMN clock_offset_us INTEGER;
)sql";

constexpr std::array kSteps{kStep1, kStep2,  kStep3,  kStep4,  kStep5,  kStep6,  kStep7, kStep8,
                            kStep9, kStep10, kStep11, kStep12, kStep13, kStep14, kStep15};

Result<> take_step(sqlite::Connection& db, std::string_view step, std::size_t version) {
    EDGE_TRY(db.execute("BEGIN IMMEDIATE"));
    auto result = db.execute(std::string(step));
    // user_version is part of the transaction, so a step and its number come together.
    if (result) result = db.execute("PRAGMA user_version = " + std::to_string(version));
    if (result) result = db.execute("COMMIT");
    if (!result && db.in_transaction()) (void)db.execute("ROLLBACK");
    return result;
}

}  // namespace

std::span<const std::string_view> schema_steps() {
    return kSteps;
}

Result<> migrate(sqlite::Connection& db, std::span<const std::string_view> steps) {
    EDGE_TRY(const auto text, db.ask("PRAGMA user_version"));
    std::size_t version = 0;
    std::from_chars(text.data(), text.data() + text.size(), version);
    if (version > steps.size()) {
        return Error{Errc::unsupported,
                     {},
                     "the file has schema " + text + ", this edge-broker knows " + std::to_string(steps.size()) +
                         "; run a newer edge-broker"};
    }
    for (; version < steps.size(); ++version) {
        EDGE_TRY(take_step(db, steps[version], version + 1));
    }
    return ok();
}

}  // namespace edge::broker
