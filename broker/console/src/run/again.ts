/** The same probe once more: on all its lines, or on those that failed. The run does not hold its parameters, its job does. */
import { api, type Run } from '../api/client'
import { failedSelectors } from './failed_selectors'
import type { Row } from './run_state'
import type { Selection } from '../fleet/selection'

type Job = Record<string, unknown> & { selector: string }
/** What of a job is its own, and not what the broker says about it. */
const ASKED = ['service', 'params', 'selector', 'labels', 'start_within_ms', 'run_within_ms', 'when_unknown', 'repeat', 'require_level', 'align']

async function jobOf(run: Run): Promise<Job> {
  const job = await api.get<Job>(`/api/v1/jobs/${run.job_id}`)
  return Object.fromEntries(ASKED.filter((name) => job[name] !== undefined).map((name) => [name, job[name]])) as Job
}

export async function runAgain(run: Run): Promise<Run> {
  return api.post<Run>('/api/v1/jobs', await jobOf(run))
}

const FAILED = ['failed', 'timed_out', 'lost']
export const hasFailed = (row: Row) => FAILED.includes(row.task.state)

/** The runs that were begun; null: selectors cannot say exactly these lines, and nothing was. */
export async function runOnFailed(run: Run, rows: readonly Row[]): Promise<Run[] | null> {
  const lines = new Map<string, { node: string; line: string; carrier: string; failed: boolean }>()
  for (const row of rows) {
    const { node, line } = row.task
    const id = JSON.stringify([node.id, line.name])
    lines.set(id, { node: node.name, line: line.name, carrier: line.carrier, failed: hasFailed(row) || lines.get(id)?.failed === true })
  }
  const selectors = failedSelectors([...lines.values()], run.selector)
  if (!selectors) return null
  // Lines the run did not have, since it was limited or they came later, must not be among them.
  const wanted = [...lines.values()].filter((line) => line.failed).length
  const named = await Promise.all(selectors.map((q) => api.get<Selection>('/api/v1/selection', { q })))
  if (named.reduce((sum, one) => sum + one.lines, 0) !== wanted) return null
  const job = await jobOf(run)
  const made: Run[] = []
  for (const selector of selectors) made.push(await api.post<Run>('/api/v1/jobs', { ...job, selector }))
  return made
}
