import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { Live } from '../../src/api/live'

class FakeSocket {
  sent: Record<string, unknown>[] = []
  onmessage: ((message: { data: string }) => void) | null = null
  onclose: (() => void) | null = null
  closed = false
  send(text: string) {
    this.sent.push(JSON.parse(text))
  }
  close() {
    this.closed = true
  }
  say(message: object) {
    this.onmessage?.({ data: JSON.stringify(message) })
  }
}

let sockets: FakeSocket[]
let live: Live
beforeEach(() => {
  vi.useFakeTimers()
  sockets = []
  live = new Live(
    () => {
      const socket = new FakeSocket()
      sockets.push(socket)
      return socket as unknown as WebSocket
    },
    () => 1,
  )
})
afterEach(() => vi.useRealTimers())

const subscriber = () => ({ event: vi.fn(), reset: vi.fn(), end: vi.fn() })

test('one socket carries all topics; each event goes to its own subscriber', () => {
  const [nodes, runs] = [subscriber(), subscriber()]
  live.subscribe('nodes', nodes)
  live.subscribe('run', runs, 'run_1')
  expect(sockets).toHaveLength(1)
  sockets[0]!.say({ event: 'hello', stream: 'aa' })
  expect(sockets[0]!.sent).toEqual([
    { op: 'subscribe', sub: 1, topic: 'nodes' },
    { op: 'subscribe', sub: 2, topic: 'run', key: 'run_1' },
  ])
  sockets[0]!.say({ sub: 1, seq: 17, event: 'subscribed' })
  sockets[0]!.say({ sub: 1, seq: 18, event: 'node', data: { name: 'gz-1' } })
  expect(nodes.reset).toHaveBeenCalledOnce()
  expect(nodes.event).toHaveBeenCalledWith('node', { name: 'gz-1' })
  expect(runs.event).not.toHaveBeenCalled()
  expect(live.status.value.state).toBe('live')
})

test('after a break it resumes where it was, and fetches anew only when told to', () => {
  const nodes = subscriber()
  live.subscribe('nodes', nodes)
  sockets[0]!.say({ event: 'hello', stream: 'aa' })
  sockets[0]!.say({ sub: 1, seq: 17, event: 'subscribed' })
  sockets[0]!.say({ sub: 1, seq: 20, event: 'node', data: {} })
  sockets[0]!.onclose!()
  expect(live.status.value.state).toBe('waiting')
  vi.advanceTimersByTime(1000)
  expect(sockets).toHaveLength(2)
  sockets[1]!.say({ event: 'hello', stream: 'bb' })
  expect(sockets[1]!.sent).toEqual([{ op: 'subscribe', sub: 1, topic: 'nodes', stream: 'aa', after: 20 }])
  sockets[1]!.say({ sub: 1, seq: 20, event: 'subscribed' })
  expect(nodes.reset).toHaveBeenCalledTimes(1)
  sockets[1]!.say({ sub: 1, seq: 3, event: 'reset' })
  expect(nodes.reset).toHaveBeenCalledTimes(2)
})

test('a gap makes it fetch, an end ends the subscription', () => {
  const runs = subscriber()
  live.subscribe('run', runs, 'run_1')
  sockets[0]!.say({ event: 'hello', stream: 'aa' })
  sockets[0]!.say({ sub: 1, event: 'gap', data: { from: 1, to: 4 } })
  expect(runs.reset).toHaveBeenCalledOnce()
  sockets[0]!.say({ sub: 1, event: 'end' })
  sockets[0]!.say({ sub: 1, event: 'run', data: {} })
  expect(runs.end).toHaveBeenCalledOnce()
  expect(runs.event).not.toHaveBeenCalled()
})

const unavailable = { code: 'unavailable', status: 503 }

test('what there is no room for is asked again, ever later and by another number', () => {
  const runs = subscriber()
  live.subscribe('run', runs, 'run_1')
  sockets[0]!.say({ event: 'hello', stream: 'aa' })
  const waits = [4, 8, 16, 30, 30]
  waits.forEach((seconds, i) => {
    sockets[0]!.say({ event: 'heartbeat' })
    sockets[0]!.say({ sub: i + 1, event: 'error', data: unavailable })
    expect(runs.end).toHaveBeenLastCalledWith(unavailable)
    vi.advanceTimersByTime(seconds * 1000 - 1)
    expect(sockets[0]!.sent).toHaveLength(i + 1)
    vi.advanceTimersByTime(1)
    expect(sockets[0]!.sent).toHaveLength(i + 2)
    expect(sockets[0]!.sent.at(-1)).toEqual({ op: 'subscribe', sub: i + 2, topic: 'run', key: 'run_1' })
  })
  sockets[0]!.say({ sub: 6, seq: 3, event: 'subscribed' })
  sockets[0]!.say({ sub: 6, seq: 4, event: 'run', data: {} })
  expect(runs.reset).toHaveBeenCalledOnce()
  expect(runs.event).toHaveBeenCalledOnce()
})

test('what is refused for another reason is not asked again', () => {
  live.subscribe('run', subscriber(), 'run_1')
  sockets[0]!.say({ event: 'hello', stream: 'aa' })
  sockets[0]!.say({ sub: 1, event: 'error', data: { code: 'not_found', status: 404 } })
  vi.advanceTimersByTime(39_000)
  expect(sockets[0]!.sent).toHaveLength(1)
})

test('refused for now, it is asked with all others after a break, anew, and once', () => {
  live.subscribe('run', subscriber(), 'run_1')
  sockets[0]!.say({ event: 'hello', stream: 'aa' })
  sockets[0]!.say({ sub: 1, seq: 9, event: 'subscribed' })
  sockets[0]!.onclose!()
  vi.advanceTimersByTime(1000)
  sockets[1]!.say({ event: 'hello', stream: 'bb' })
  sockets[1]!.say({ sub: 1, event: 'error', data: unavailable })
  sockets[1]!.onclose!()
  vi.advanceTimersByTime(1000)
  sockets[2]!.say({ event: 'hello', stream: 'bb' })
  vi.advanceTimersByTime(30_000)
  expect(sockets[2]!.sent).toEqual([{ op: 'subscribe', sub: 2, topic: 'run', key: 'run_1' }])
})

test('who has left, or signed out, while it was refused for now is not asked for', () => {
  const leave = live.subscribe('run', subscriber(), 'run_1')
  live.subscribe('run', subscriber(), 'run_2')
  sockets[0]!.say({ event: 'hello', stream: 'aa' })
  sockets[0]!.say({ sub: 1, event: 'error', data: unavailable })
  sockets[0]!.say({ sub: 2, event: 'error', data: unavailable })
  leave()
  vi.advanceTimersByTime(4000)
  expect(sockets[0]!.sent.slice(2)).toEqual([{ op: 'subscribe', sub: 4, topic: 'run', key: 'run_2' }])
  sockets[0]!.say({ sub: 4, event: 'error', data: unavailable })
  live.stop()
  live.start()
  sockets[1]!.say({ event: 'hello', stream: 'aa' })
  vi.advanceTimersByTime(39_000)
  expect(sockets[1]!.sent).toEqual([])
})

test('waits grow to half a minute, and begin anew after a greeting', () => {
  live.start()
  const waits = [1, 2, 4, 8, 16, 30, 30]
  for (const seconds of waits) {
    sockets.at(-1)!.onclose!()
    expect(live.status.value.retryAt - Date.now()).toBe(seconds * 1000)
    vi.advanceTimersByTime(seconds * 1000)
  }
  sockets.at(-1)!.say({ event: 'hello', stream: 'aa' })
  sockets.at(-1)!.onclose!()
  expect(live.status.value.retryAt - Date.now()).toBe(1000)
})

test('silence is a break: a heartbeat that does not come is noticed', () => {
  live.start()
  sockets[0]!.say({ event: 'hello', stream: 'aa' })
  vi.advanceTimersByTime(39_000)
  sockets[0]!.say({ event: 'heartbeat' })
  vi.advanceTimersByTime(39_000)
  expect(live.status.value.state).toBe('live')
  vi.advanceTimersByTime(2_000)
  expect(live.status.value.state).toBe('waiting')
  expect(sockets[0]!.closed).toBe(true)
})

test('signed out, nothing is left open and nothing comes back', () => {
  live.subscribe('nodes', subscriber())
  sockets[0]!.say({ event: 'hello', stream: 'aa' })
  live.stop()
  vi.advanceTimersByTime(120_000)
  expect(sockets).toHaveLength(1)
  expect(sockets[0]!.closed).toBe(true)
})
