"""What is taken out of agent, broker and protocol, one protection a row, and the test that must notice.

Each edit is (file, text that stands in it exactly once, what stands there instead). `test` is the name of one test case of the program
`target`, or a part of it between asterisks."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    name: str
    promise: str
    target: str
    test: str
    edits: tuple


def mutation(name, promise, target, test, *edits):
    return Mutation(name, promise, target, test, edits)


SPOOL, SEGMENT, RECOVERY = "agent/spool/spool.cpp", "agent/spool/segment.cpp", "agent/spool/recovery.cpp"
ACKNOWLEDGED, GIVEN_UP, DISK = "agent/spool/acknowledged.cpp", "agent/spool/given_up.cpp", "agent/disk/posix_disk.cpp"
LINK, LINK_FSM, POLL = "agent/link/link.cpp", "agent/link/link_fsm.cpp", "agent/link/poll_connection.cpp"
PLANNER, PLANS = "agent/plan/planner.cpp", "agent/plan/plans.cpp"
INTAKE, SESSIONS, DISPATCH = "broker/domain/intake.cpp", "broker/domain/sessions.cpp", "broker/domain/dispatch.cpp"
SCHEMA, WRITER = "broker/store/schema.cpp", "broker/store/sqlite_writer.cpp"

POWER_CUTS = "a spool outlives power cuts at any step: nothing that was told is lost, nothing is there twice or altered"
ACCEPTED = "work is neither acknowledged nor started before its accept is on the disk"
STORE_CUTS = "what was committed outlives a power cut at any write, sync or removal"

MUTATIONS = (
    # --- the spool ---
    mutation("spool_not_synced", "a commit is on the medium before anybody is told", "unit_agent", POWER_CUTS,
             (SPOOL, "    EDGE_TRY(disk_->sync(name));\n    std::size_t at", "    std::size_t at")),
    mutation("spool_renewed_unsynced", "a renewed copy is on the medium before it takes the place of what was", "unit_agent", POWER_CUTS,
             (RECOVERY, "    if (written) written = disk_->sync(spool::kRenewing);\n", "")),
    mutation("spool_names_not_synced", "the renewed spool's name is on the medium before the old one's files go", "unit_agent", POWER_CUTS,
             (RECOVERY, "    EDGE_TRY(disk_->sync_names());  // from here on the new spool is the one\n", "")),
    mutation("disk_names_not_synced", "a file that was replaced has its name on the medium", "contract_agent",
             "the real disk syncs what is in a file before its name, and the name before it says so",
             (DISK, "    EDGE_TRY(rename(temporary, name));\n    return sync_names();", "    return rename(temporary, name);")),
    mutation("disk_bytes_not_synced", "a file that was replaced is whole on the medium", "contract_agent",
             "the real disk syncs what is in a file before its name, and the name before it says so",
             (DISK, '    if (::fsync(fd.number()) != 0) return failed(temporary, "fsync");\n', "")),
    mutation("checksum_unread", "a damaged record is never sent as a result", "unit_agent",
             "any byte that changed spoils its own record and no other, and is damage where it was durable",
             (SEGMENT, "if (get<std::uint32_t>(rest, 4) != crc32c(rest.substr(0, 4), rest.substr(kRecordPrefix, length)))", "if (false)")),
    mutation("unacknowledged_kept_as_done", "a segment is needed until each result in it is acknowledged", "unit_agent", POWER_CUTS,
             (ACKNOWLEDGED, "if (segment.last_result > acked_ || segment.number >= oldest_open) break;",
              "if (segment.number >= oldest_open) break;")),
    mutation("open_accept_forgotten", "a segment is needed until each task in it has a result", "unit_agent", POWER_CUTS,
             (ACKNOWLEDGED, "if (segment.last_result > acked_ || segment.number >= oldest_open) break;",
              "if (segment.last_result > acked_) break;")),
    mutation("gap_not_noted", "what was given up for want of room is named after a restart, too", "unit_agent",
             "whatever the moment of a power cut, each result is there or named as given up",
             (GIVEN_UP, "    EDGE_TRY(note_gap(oldest));\n", "")),

    # --- the agent's end of the link ---
    mutation("cut_message_dropped", "a message that breaks off is asked for again", "unit_agent_sockets",
             "a message of the broker's that breaks off is asked for again, after a pause",
             (POLL, "if (answer && !is_lost) co_return answer;", "(void)is_lost;\n            if (answer) co_return answer;")),
    mutation("accept_told_before_commit", "an accept is durable before it is acknowledged", "unit_agent_sockets", ACCEPTED,
             ("agent/agent.cpp", "    if (!commit()) return;\n", "    (void)commit();\n")),
    mutation("started_before_commit", "an accept is durable before it is started", "unit_agent_sockets", ACCEPTED,
             ("agent/agent.cpp", "    if (!commit()) return;\n    for (Accepted& one",
              "    const bool committed = commit();\n    for (Accepted& one"),
             ("agent/agent.cpp", "    link_.slots_free(slots_free());\n    link_.committed();",
              "    if (!committed) return;\n    link_.slots_free(slots_free());\n    link_.committed();")),
    mutation("offered_again_run_again", "a task that is offered a second time is run once", "unit_agent",
             "a task that is offered again, before or after its end or a restart, starts once",
             ("agent/accepted_work.cpp", "if (spool_.knows(attempt)) {", "if (false) {")),
    mutation("last_process_not_answered", "what a process did not live to finish is answered by the next one", "unit_agent",
             "what the last process left without a result gets one, once",
             ("agent/accepted_work.cpp", "        spool_.finish(std::move(finished.result), finished.detail);\n    }\n    return attempts;",
              "    }\n    return attempts;")),
    mutation("sent_before_commit", "a result is sent only when it is committed", "unit_agent",
             "results are sent as far as the broker's credit goes, in numbers and in bytes",
             (LINK_FSM, "result_next_ > last_committed || ", "")),
    mutation("credit_ignored_by_agent", "results are sent as far as the broker's credit goes", "unit_agent",
             "results are sent as far as the broker's credit goes, in numbers and in bytes",
             (LINK_FSM, " || result_next_ > credit_.upto_n) return", ") return")),
    mutation("acked_beyond_sent", "only a result that was sent is forgotten", "unit_agent",
             "an acknowledgement of what was never sent deletes nothing and ends the session",
             (LINK_FSM, "if (ack.n >= result_next_) return violation", "if (false) return violation")),
    mutation("not_sent_again", "what was not acknowledged is sent again in the next session", "unit_agent_sockets",
             "what was not acknowledged when a session was lost is sent again in the next",
             (LINK_FSM, "result_next_ = std::max(welcome.results_acked + 1, spool.first != 0 ? spool.first : spool.last + 1);",
              "result_next_ = spool.last + 1;")),
    mutation("counter_not_stored", "the join counter is durable before the welcome is confirmed", "unit_agent_sockets",
             "a session over TLS: hello bound to it, work acknowledged, result sent and forgotten when acknowledged",
             (LINK, "if (auto saved = save_counter(state_, action.join_counter); !saved) {", "if (Result<> saved = ok(); !saved) {")),
    mutation("gap_not_told", "what was given up is told in the hello", "unit_agent_sockets",
             "what was given up is told in the hello until the broker has what comes behind it",
             (LINK, "    hello.gap = spool_.gap();\n", "")),

    # --- the agent's plan ---
    mutation("ticks_caught_up", "of ticks that were missed one is made up for", "unit_agent",
             "of ticks that were missed the last is made up for, if it is not too late",
             (PLANNER, "const auto tick = line.plan->ticks.last(from, upto);",
              "const auto tick = line.plan->ticks.next(line.seen_us);\n    (void)from;"),
             (PLANNER, "    line.seen_us = std::max(line.seen_us, upto);\n", "    line.seen_us = tick ? *tick : upto;\n")),
    mutation("clock_step_fires_again", "a clock that is set fires no tick twice", "unit_agent",
             "a clock that is set fires nothing twice, and the ticks of its own time still fire",
             (PLANNER, "tick && (fired == fired_.end() || !fired->second.contains(*tick))", "tick.has_value()"),
             (PLANNER, "    while (tick && fired != fired_.end()) {", "    while (false) {")),
    mutation("fired_not_synced", "a tick that fired stays fired over a power cut", "unit_agent",
             "a plan that was committed is there after a power cut, with what it has fired",
             (PLANS, "    EDGE_TRY(disk_.sync(kTicksFile));\n    log_bytes_", "    log_bytes_")),

    # --- the broker ---
    mutation("ack_before_commit", "a result is acknowledged when it is in the store", "unit_domain",
             "results are acknowledged and shown only when they are committed",
             (INTAKE, "    conclusion.received(spool);\n",
              "    conclusion.received(spool);\n    if (is_any_in_turn) acknowledge(id, spool, spool.received, bytes, now, out);\n"),
             (INTAKE, "if (is_any_in_turn) acknowledge(id, spool, n, bytes, at, after);", "(void)n, (void)at, (void)after;")),
    mutation("failed_write_told_as_done", "a write that the store refused is not told as done", "unit_domain",
             "a full disk and its end are told once each, however often it is tried",
             ("broker/store/group_writer.cpp", "        if (result) {\n            outcomes.push_back", "        if (true) {\n            outcomes.push_back")),
    mutation("number_not_compared", "a number of a spool is taken once", "unit_domain", "what is sent twice is stored once",
             (INTAKE, "    if (result.n <= spool.received) {", "    if (false) {")),
    mutation("attempt_not_compared", "an attempt has one result", "unit_domain", "an attempt that answers twice under two numbers counts once",
             (INTAKE, "if (came_early || std::ranges::find(task.seen, result.attempt) != task.seen.end()) {", "if (came_early) {")),
    mutation("rid_not_compared", "one id names one result", "unit_domain",
             "a rid that another result of the spool has is no answer: the task stays open",
             (INTAKE, "    if (is_rid_reused(session, result.rid)) {", "    if (false) {")),
    mutation("gap_in_numbers_taken", "nothing is acknowledged that never came", "unit_domain",
             "a gap or a step back ends the session, and nothing that never came is acknowledged",
             (INTAKE, "    if (result.n != session.expected_n()) {", "    if (false) {")),
    mutation("credit_ignored_by_broker", "results beyond the credit are not taken", "unit_domain",
             "results beyond the granted credit end the session, and credit grows with what is stored",
             (INTAKE, "    if (result.n > session.granted) {", "    if (false) {")),
    mutation("late_result_overwrites", "a task that a result has ended is ended by no other", "unit_domain",
             "the first result of a task wins, a later attempt's is kept as superseded",
             (INTAKE, "    return is_open(task) || task.recorded == 0;", "    (void)task;\n    return true;")),
    mutation("fence_not_checked", "a result counts for an attempt that was given out", "unit_domain",
             "a result for somebody else's task is refused, counted, and does not stop the stream",
             (INTAKE, "result.attempt >= 1 && result.attempt <= task->attempt;", "result.attempt >= 1;")),
    mutation("foreign_result_taken", "a task is answered by its own node", "unit_domain",
             "10,000 times a node tries with its neighbours' IDs whatever a node can send: nothing of theirs changes",
             (INTAKE, "task && task->node == session.node && task->run->id", "task && task->run->id")),
    mutation("foreign_progress_taken", "a task is told of by its own node", "unit_domain",
             "10,000 times a node tries with its neighbours' IDs whatever a node can send: nothing of theirs changes",
             (DISPATCH, "if (!task || task->node != session.node || task->attempt", "if (!task || task->attempt")),
    mutation("same_attempt_after_lost_disk", "what may have run without a trace is a new attempt", "unit_domain",
             "a node that lost its disk gets its tasks as new attempts",
             (DISPATCH, "        ++task->attempt;\n        task->offered = false;", "        task->offered = false;")),
    mutation("taken_over_session_stays", "of two sessions of a node the older one is over", "unit_domain",
             "a second session with a fresh counter takes over, and the first is told so",
             (SESSIONS, "        out.effects.push_back(CloseSession{node.session->id, link::Goaway{.reason = link::GoawayReason::taken_over}});\n", "")),
    mutation("epoch_unchecked", "what a session says that was taken over is nobody's", "unit_domain",
             "a result of a session that was taken over is nobody's; the newer one brings it again",
             (INTAKE, "    if (!session) return;  // taken over: the newer session is sent the same results again\n",
              "    if (!session && !state_.sessions.empty()) session = state_.sessions.begin()->second.get();\n    if (!session) return;\n")),
    mutation("early_in_turn", "an early copy acknowledges nothing", "unit_domain",
             "an early copy ends its task and is not acknowledged; in its turn it is no second result",
             (INTAKE, "    spool.newest_early =", "    session.last_n = spool.received = result.n;\n    spool.newest_early =")),
    mutation("stale_counter_joins", "a copy of a node's disk is found out", "unit_domain",
             "a stale counter that was confirmed locks both holders of the key, for good",
             (SESSIONS, "    if (verdict == JoinVerdict::stale) {", "    if (false) {")),
    mutation("revoked_node_joins", "a revoked node is let in no more", "unit_domain",
             "a revoked node is shut out: stored first, then its session is closed, and it stays out",
             (SESSIONS, "    if (record.state == NodeState::revoked)\n", "    if (false)\n")),
    mutation("welcome_before_commit", "a join is in the store before it is welcomed", "unit_domain",
             "nothing is welcomed before its join is in the store",
             (SESSIONS, "    state_.journal.ask(\n        out, std::move(batch),\n        [this, id, ticket](Now at, Actions& after) {",
              "    out.effects.push_back(JoinAnswer{ticket, welcome(session, now)});\n    state_.journal.ask(\n"
              "        out, std::move(batch),\n        [](Now, Actions&) {},\n        [this, id, ticket](const Error&, Now at, Actions& after) {\n"
              "            if (Session* refused_one = state_.session(id)) remove(*refused_one, at, after);\n        });\n    return;\n"
              "    state_.journal.ask(\n        out, Batch{},\n        [this, id, ticket](Now at, Actions& after) {")),
    mutation("join_token_used_twice", "a join token is used as often as it may be", "unit_domain", "a join token enrols one node, once",
             ("broker/domain/enrolment.cpp", "            ++used.used;\n", "")),

    # --- the store ---
    mutation("store_takes_attempt_twice", "an attempt has one row", "contract_store", "a second result of an attempt changes nothing<*",
             (SCHEMA, "    envelope TEXT NOT NULL,\n    UNIQUE (task, attempt)\n) STRICT;\nINSERT INTO results_anew",
              "    envelope TEXT NOT NULL\n) STRICT;\nINSERT INTO results_anew"),
             (WRITER, '\n             " ON CONFLICT (task, attempt) DO NOTHING"', "")),
    mutation("store_tick_twice", "a tick has one run", "contract_store", "a tick has one run<*",
             (SCHEMA, "CREATE UNIQUE INDEX runs_of_tick ON runs (job, tick) WHERE tick > 0;", "CREATE INDEX runs_of_tick ON runs (job, tick) WHERE tick > 0;")),
    mutation("store_syncs_normal", "a committed row outlives a power cut", "contract_store", STORE_CUTS,
             (WRITER, "PRAGMA synchronous = FULL;", "PRAGMA synchronous = NORMAL;")),
)
