import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { effectScope, type EffectScope } from 'vue'

import { api, type Result, type Task } from '../../src/api/client'
import { live, type Subscriber } from '../../src/api/live'
import { followRun } from '../../src/run/follow_run'

const node = { id: 'node_1', name: 'gz-1' }
const line = { name: 'telecom', carrier: 'ct' }
const task = (id: string, state: Task['state']): Task => ({ id, node, line, state, attempt: 1 })
const result = (task_id: string) => ({ id: `res_${task_id}`, task_id, node, line, attempt: 1, service: 'ping', status: 'ok', superseded: false }) as Result

let scope: EffectScope
let told: Subscriber
let frames: (() => void)[]
/** What the broker has, as of the next question. */
let there: { tasks: Task[]; results: Result[] }
let run: ReturnType<typeof followRun>

const drawn = () => {
  while (frames.length) frames.shift()!()
}
const settled = () => new Promise((done) => setTimeout(done))
const stateOf = (id: string) => run.state.value.rows.get(id)?.task.state

beforeEach(() => {
  frames = []
  there = { tasks: [], results: [] }
  vi.stubGlobal('requestAnimationFrame', (draw: () => void) => frames.push(draw))
  vi.stubGlobal('cancelAnimationFrame', () => {})
  vi.spyOn(live, 'subscribe').mockImplementation((_, subscriber) => {
    told = subscriber
    return () => {}
  })
  vi.spyOn(api, 'get').mockImplementation(async (path) => {
    if (path.endsWith('/tasks')) return { items: there.tasks } as never
    if (path.endsWith('/results')) return { items: there.results } as never
    return { id: 'run_1', state: 'running', tasks: { total: there.tasks.length, queued: 0, running: there.tasks.length - there.results.length } } as never
  })
  scope = effectScope()
  run = scope.run(() => followRun('run_1'))!
})
afterEach(() => {
  scope.stop()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

test('what was told before a gap and is not drawn yet goes not over what is read after it', async () => {
  there.tasks = [task('a', 'running'), task('b', 'queued')]
  told.reset()
  await settled()
  told.event('task', task('b', 'leased'))
  told.event('task', task('b', 'unknown'))
  there = { tasks: [task('a', 'succeeded'), task('b', 'running')], results: [result('a')] }
  told.reset()
  await settled()
  drawn()
  expect([stateOf('a'), stateOf('b')]).toEqual(['succeeded', 'running'])
  told.event('task', task('b', 'succeeded'))
  drawn()
  expect(stateOf('b')).toBe('succeeded')
})

test('what cannot be followed now is told as that until it can', async () => {
  there.tasks = [task('a', 'running')]
  told.end!({ code: 'unavailable' })
  await settled()
  expect([stateOf('a'), run.following.value]).toEqual(['running', 'lost'])
  told.reset()
  await settled()
  expect(run.following.value).toBe('live')
})

test('where no frame comes, what waits is bounded and nothing of it is lost', async () => {
  const ids = Array.from({ length: 5000 }, (_, n) => `t${n}`)
  there.tasks = ids.map((id) => task(id, 'running'))
  told.reset()
  await settled()
  for (const id of ids) told.event('task', task(id, 'succeeded'))
  expect(ids.filter((id) => stateOf(id) === 'running')).toHaveLength(2000)
  drawn()
  expect(ids.filter((id) => stateOf(id) === 'succeeded')).toHaveLength(5000)
})
