/** A run as a screen shows it: what came so far, folded from its events. Pure. */
import type { Result, Run, RunIntroduction, RunProgress, Task } from '../api/client'
import { fields } from '../result/fields'

export type RunEvent =
  | { event: 'run'; data: Run | RunIntroduction }
  | { event: 'task'; data: Task }
  | { event: 'progress'; data: RunProgress }
  | { event: 'result'; data: Result }

/** Another object with every event of it: what is drawn again. */
export interface Row {
  id: string
  task: Task
  result: Result | null
  /** What the probe said while it ran, the oldest first; bounded. */
  said: unknown[]
}

export interface RunState {
  run: Run | null
  rows: Map<string, Row>
}

const MOST_SAID = 200

export function emptyRun(): RunState {
  return { run: null, rows: new Map() }
}

const OPEN: Task['state'][] = ['queued', 'leased', 'running', 'unknown']
/** Ends that the broker also makes without a result: a guess, until one comes. */
const GUESSED: Task['state'][] = ['lost', 'expired', 'canceled']

/** An end stands, whatever was told before it and comes after it; only for a guess another end may follow. */
function follows(row: Row, next: Task['state']): boolean {
  const is = row.task.state
  return OPEN.includes(is) || (GUESSED.includes(is) && !row.result && !OPEN.includes(next))
}

function withTask(state: RunState, task: Task) {
  const row = state.rows.get(task.id)
  if (!row) state.rows.set(task.id, { id: task.id, task, result: null, said: [] })
  else if (follows(row, task.state)) state.rows.set(task.id, { ...row, task })
}

/** As the broker ends a task by a result. */
function ended({ status, failure }: Result): Task['state'] {
  if (failure?.code === 'canceled') return 'canceled'
  if (status === 'ok' || status === 'partial') return 'succeeded'
  if (status === 'refused') return failure?.code === 'expired' ? 'expired' : 'failed'
  return failure?.code === 'timeout' ? 'timed_out' : 'failed'
}

/** Applies the events in place; the caller draws once afterwards, however many there were. */
export function apply(state: RunState, events: readonly RunEvent[]): void {
  for (const one of events) {
    if (one.event === 'run') {
      state.run = one.data
      if ('tasks_list' in one.data) for (const task of one.data.tasks_list) withTask(state, task)
    } else if (one.event === 'task') {
      withTask(state, one.data)
    } else if (one.event === 'progress') {
      const row = state.rows.get(one.data.task_id)
      if (!row || row.result) continue
      const task = row.task.state === 'queued' || row.task.state === 'leased' ? { ...row.task, state: 'running' as const } : row.task
      state.rows.set(row.id, { ...row, task, said: [...row.said.slice(1 - MOST_SAID), one.data.data] })
    } else if (!one.data.superseded) {
      const { task_id, node, line, attempt } = one.data
      if (!state.rows.has(task_id)) withTask(state, { id: task_id, node, line, attempt, state: ended(one.data) })
      const row = state.rows.get(task_id)!
      const end = ended(one.data)
      const task = follows(row, end) ? { ...row.task, state: end } : row.task
      state.rows.set(task_id, { ...row, task, result: one.data })
    }
  }
}

/** In the order a reader looks for them: carrier, node, line. `before`: the order that was, which holds until there are other rows. */
export function sortedRows(state: RunState, compare: (a: string, b: string) => number, before: readonly Row[] = []): Row[] {
  if (before.length === state.rows.size && before.every((row) => state.rows.has(row.id))) return before.map((row) => state.rows.get(row.id)!)
  return [...state.rows.values()].sort(
    (a, b) =>
      compare(a.task.line.carrier, b.task.line.carrier) ||
      compare(a.task.node.name, b.task.node.name) ||
      compare(a.task.line.name, b.task.line.name) ||
      compare(a.id, b.id),
  )
}

export interface CarrierFigures {
  carrier: string
  lines: number
  done: number
  ok: number
  /** Percent of probes lost, where the probe counts losses. */
  loss: number | null
  min: number | null
  median: number | null
  p95: number | null
  max: number | null
  resolved: { address: string; share: number }[]
}

function quantile(sorted: readonly number[], q: number): number | null {
  if (sorted.length === 0) return null
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? sorted[0]!
}

/** What is compared between lines: the time that the probe is about. */
export function timeOf(result: Result): number | null {
  if (result.service === 'http') return result.summary.duration_us
  return result.summary.rtt_us ?? null
}

export function figuresByCarrier(rows: readonly Row[]): CarrierFigures[] {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const group = groups.get(row.task.line.carrier)
    if (group) group.push(row)
    else groups.set(row.task.line.carrier, [row])
  }
  return [...groups].map(([carrier, group]) => {
    const results = group.flatMap((row) => (row.result ? [row.result] : []))
    const good = results.filter((result) => result.status === 'ok' || result.status === 'partial')
    const times = good.flatMap((result) => timeOf(result) ?? []).sort((a, b) => a - b)
    const losses = results.flatMap((result) => result.summary.loss ?? [])
    const seen = new Map<string, number>()
    for (const result of good) for (const address of new Set(answersOf(result))) seen.set(address, (seen.get(address) ?? 0) + 1)
    return {
      carrier,
      lines: group.length,
      done: results.length,
      ok: good.length,
      loss: losses.length ? losses.reduce((sum, one) => sum + one, 0) / losses.length : null,
      min: times[0] ?? null,
      median: quantile(times, 0.5),
      p95: quantile(times, 0.95),
      max: times.at(-1) ?? null,
      resolved: [...seen].map(([address, count]) => ({ address, share: count / good.length })).sort((a, b) => b.share - a.share),
    }
  })
}

/** The addresses an answer is about: what a name led to. */
function answersOf(result: Result): string[] {
  if (result.service !== 'dns') return result.resolved
  const answer = fields(result.detail)['answer']
  if (!Array.isArray(answer)) return []
  return answer.flatMap((record: { type?: unknown; rdata?: unknown } | null) =>
    record && (record.type === 'A' || record.type === 'AAAA') && typeof record.rdata === 'string' ? [record.rdata] : [],
  )
}
