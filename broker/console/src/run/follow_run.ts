/** Follows one run: what there is by REST, what happens by the stream, drawn at most once a frame however fast it comes. */
import { onScopeDispose, shallowRef, triggerRef } from 'vue'

import { api, Problem, type Page, type Result, type Run, type Task } from '../api/client'
import { useFollowed } from '../parts/following'
import { useAnswer } from '../parts/loading'
import { apply, emptyRun, type RunEvent, type RunState } from './run_state'

export type Following = 'connecting' | 'live' | 'over' | 'lost' | 'unknown'

const PAGE = 500
/** So many rows can change between two frames, and the page still answers. */
const MOST_A_FRAME = 60
/** So many events wait for a frame: a tab that nobody looks at has none. */
const MOST_WAITING = 2000

async function all<T>(path: string, signal: AbortSignal): Promise<T[]> {
  const items: T[] = []
  let cursor: string | undefined
  do {
    const page = await api.get<Page<T>>(path, { limit: PAGE, cursor }, signal)
    items.push(...page.items)
    cursor = page.next_cursor
  } while (cursor)
  return items
}

export function followRun(id: string) {
  const path = `/api/v1/runs/${encodeURIComponent(id)}`
  const state = shallowRef<RunState>(emptyRun())
  const following = shallowRef<Following>('connecting')
  const waiting: RunEvent[] = []
  let frame = 0
  let isRefused = false

  function draw() {
    frame = 0
    apply(state.value, waiting.splice(0, MOST_A_FRAME))
    if (waiting.length) frame = requestAnimationFrame(draw)
    triggerRef(state)
    if (state.value.run?.state === 'finished') following.value = 'over'
  }

  function take(events: RunEvent[]) {
    waiting.push(...events)
    if (waiting.length > MOST_WAITING) apply(state.value, waiting.splice(0, waiting.length - MOST_WAITING))
    if (!frame) frame = requestAnimationFrame(draw)
  }

  /** What waits was told before this was read. */
  function begin(read: RunState) {
    waiting.length = 0
    state.value = read
  }

  const { problem, busy, again } = useAnswer(async (signal) => {
    // Rows first: a run of hundreds of lines is on the screen before its results are read.
    const [run, tasks] = await Promise.all([api.get<Run>(path, {}, signal), all<Task>(`${path}/tasks`, signal)])
    const read = emptyRun()
    apply(read, [{ event: 'run', data: run }, ...tasks.map((data): RunEvent => ({ event: 'task', data }))])
    const first = state.value.rows.size === 0
    if (first) begin(read)
    const results = run.tasks.total === run.tasks.queued + run.tasks.running ? [] : await all<Result>(`${path}/results`, signal)
    const told = results.map((data): RunEvent => ({ event: 'result', data }))
    if (first) take(told)
    else {
      apply(read, told)
      for (const [task, { said }] of state.value.rows) {
        const row = read.rows.get(task)
        if (row) read.rows.set(task, { ...row, said }) // only the stream tells it
      }
      begin(read)
    }
    following.value = run.state === 'finished' ? 'over' : isRefused ? 'lost' : 'live'
    return run
  }, () => id, 'later')

  useFollowed('run', { busy, async again() {
    isRefused = false
    await again()
    if (problem.value instanceof Problem && problem.value.status === 404) following.value = 'unknown'
  } }, {
    event: (event, data) => take([{ event, data } as RunEvent]),
    end: (refused) => {
      isRefused = refused !== undefined
      if (isRefused && following.value !== 'over') following.value = 'lost'
    },
  }, id)
  onScopeDispose(() => cancelAnimationFrame(frame))
  return { state, following, problem, again }
}
