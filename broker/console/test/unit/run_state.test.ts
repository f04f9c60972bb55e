import { describe, expect, test } from 'vitest'

import type { Result, Run, Task } from '../../src/api/client'
import { apply, emptyRun, figuresByCarrier, sortedRows, type RunEvent } from '../../src/run/run_state'

const node = { id: 'node_1', name: 'gz-1' }
const task = (id: string, state: Task['state'], line = 'telecom', carrier = 'ct'): Task => ({ id, node, line: { name: line, carrier }, state, attempt: 1 })
const run = (state: Run['state']) => ({ id: 'run_1', state }) as Run
const result = (task_id: string, more: Partial<Result> = {}): Result =>
  ({ id: `res_${task_id}`, task_id, node, line: { name: 'telecom', carrier: 'ct' }, attempt: 1, service: 'ping', status: 'ok', summary: { duration_us: 9000, rtt_us: 1000, loss: 0 }, resolved: [], detail: {}, superseded: false, ...more }) as Result
const fold = (...events: RunEvent[]) => {
  const state = emptyRun()
  apply(state, events)
  return state
}

describe('a run folded from its events', () => {
  test('every line is a row from the first event on, before any has an answer', () => {
    const state = fold({ event: 'run', data: { ...run('running'), tasks_list: [task('a', 'queued'), task('b', 'leased', 'unicom', 'cu')] } as never })
    expect([...state.rows.values()].map((row) => row.task.state)).toEqual(['queued', 'leased'])
  })

  test('progress makes a queued row run, and comes too late for one that has ended', () => {
    const state = fold(
      { event: 'task', data: task('a', 'queued') },
      { event: 'progress', data: { task_id: 'a', node, line: { name: 'telecom', carrier: 'ct' }, data: { reply: { seq: 0 } } } },
    )
    expect(state.rows.get('a')).toMatchObject({ task: { state: 'running' }, said: [{ reply: { seq: 0 } }] })
    apply(state, [{ event: 'result', data: result('a') }, { event: 'progress', data: { task_id: 'a', node, line: { name: 'telecom', carrier: 'ct' }, data: { late: true } } }])
    expect(state.rows.get('a')).toMatchObject({ task: { state: 'succeeded' }, said: [{ reply: { seq: 0 } }] })
  })

  test('a result may come before its task, and the task’s own end is kept', () => {
    expect(fold({ event: 'result', data: result('a') }).rows.get('a')?.task.state).toBe('succeeded')
    const late = fold({ event: 'task', data: task('a', 'timed_out') }, { event: 'result', data: result('a', { status: 'failed' }) })
    expect(late.rows.get('a')?.task.state).toBe('timed_out')
  })

  test('an end stands: what was told before it and comes after it makes no row run again', () => {
    for (const end of ['succeeded', 'failed', 'timed_out', 'canceled', 'expired', 'lost'] as const) {
      for (const late of ['queued', 'leased', 'running', 'unknown'] as const)
        expect(fold({ event: 'task', data: task('a', end) }, { event: 'task', data: task('a', late) }).rows.get('a')?.task.state).toBe(end)
    }
    for (const late of ['lost', 'expired', 'canceled'] as const)
      expect(fold({ event: 'task', data: task('a', 'succeeded') }, { event: 'task', data: task('a', late) }).rows.get('a')?.task.state).toBe('succeeded')
  })

  test('an end that no result made was a guess: the one of a late result replaces it', () => {
    for (const guess of ['lost', 'expired', 'canceled'] as const) {
      expect(fold({ event: 'task', data: task('a', guess) }, { event: 'task', data: task('a', 'succeeded') }).rows.get('a')?.task.state).toBe('succeeded')
      const state = fold({ event: 'task', data: task('a', guess) }, { event: 'result', data: result('a') })
      expect(state.rows.get('a')?.task.state).toBe('succeeded')
      apply(state, [{ event: 'task', data: task('a', guess) }])
      expect(state.rows.get('a')?.task.state).toBe('succeeded')
    }
  })

  test('a result ends its task as the broker says', () => {
    const end = (status: Result['status'], code?: string) =>
      fold({ event: 'result', data: result('a', { status, ...(code ? { failure: { code } as never } : {}) }) }).rows.get('a')?.task.state
    expect([end('ok'), end('partial'), end('partial', 'canceled'), end('failed', 'canceled')]).toEqual(['succeeded', 'succeeded', 'canceled', 'canceled'])
    expect([end('failed', 'timeout'), end('failed', 'nxdomain'), end('refused', 'expired'), end('refused', 'policy')]).toEqual(['timed_out', 'failed', 'expired', 'failed'])
  })

  test('a superseded result is no row’s result', () => {
    expect(fold({ event: 'task', data: task('a', 'running') }, { event: 'result', data: result('a', { superseded: true }) }).rows.get('a')?.result).toBeNull()
  })

  test('what a probe says is bounded', () => {
    const state = fold({ event: 'task', data: task('a', 'running') })
    apply(state, Array.from({ length: 500 }, (_, n): RunEvent => ({ event: 'progress', data: { task_id: 'a', node, line: { name: 'telecom', carrier: 'ct' }, data: { n } } })))
    expect(state.rows.get('a')?.said).toHaveLength(200)
    expect(state.rows.get('a')?.said.at(-1)).toEqual({ n: 499 })
  })

  test('every event of a row makes it another one, so that it is drawn again', () => {
    const state = fold({ event: 'task', data: task('a', 'queued') })
    const before = state.rows.get('a')
    apply(state, [{ event: 'task', data: task('a', 'running') }])
    expect(state.rows.get('a')).not.toBe(before)
  })
})

test('figures are by carrier, of good results, with the share of each address', () => {
  const rtts = [4000, 1000, 3000, 2000]
  const events = rtts.map((rtt_us, i): RunEvent => ({ event: 'result', data: result(`t${i}`, { summary: { duration_us: 1, rtt_us, loss: i === 0 ? 50 : 0 }, resolved: [i < 3 ? '192.0.2.1' : '192.0.2.2'] }) }))
  const state = fold(...events, { event: 'result', data: result('bad', { status: 'failed', summary: { duration_us: 1, loss: 100 } }) }, { event: 'task', data: task('waits', 'queued') })
  expect(figuresByCarrier(sortedRows(state, (a, b) => (a < b ? -1 : a > b ? 1 : 0)))).toEqual([
    { carrier: 'ct', lines: 6, done: 5, ok: 4, loss: 30, min: 1000, median: 2000, p95: 4000, max: 4000, resolved: [{ address: '192.0.2.1', share: 0.75 }, { address: '192.0.2.2', share: 0.25 }] },
  ])
})

test('figures of a carrier without answers are none, not zero', () => {
  expect(figuresByCarrier(sortedRows(fold({ event: 'task', data: task('a', 'queued') }), () => 0))[0]).toMatchObject({ done: 0, ok: 0, loss: null, median: null, p95: null })
})
