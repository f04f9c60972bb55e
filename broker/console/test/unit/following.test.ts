import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { effectScope, ref, type EffectScope } from 'vue'

import { live, type Subscriber } from '../../src/api/live'
import { MOST_HELD, useFollowed } from '../../src/parts/following'

let scope: EffectScope
let told: Subscriber
let left = false
const seen: unknown[] = []
const busy = ref(true)
const again = vi.fn(() => (busy.value = true))
const end = vi.fn()

beforeEach(() => {
  vi.useFakeTimers()
  seen.length = 0
  busy.value = true
  left = false
  again.mockClear()
  end.mockClear()
  vi.spyOn(live, 'subscribe').mockImplementation((_, subscriber) => {
    told = subscriber
    return () => (left = true)
  })
  scope = effectScope()
  scope.run(() => useFollowed('nodes', { busy, again }, { event: (_, data) => seen.push(data), end }))
})
afterEach(() => {
  scope.stop()
  expect(left).toBe(true)
  vi.useRealTimers()
})

test('it is read when it is subscribed to, and not before', () => {
  expect(again).not.toHaveBeenCalled()
  told.reset()
  vi.advanceTimersByTime(1000)
  expect(again).toHaveBeenCalledOnce()
})

test('what comes while it is read is told after it, in order', () => {
  told.reset()
  told.event('node', 1)
  told.event('node', 2)
  expect(seen).toEqual([])
  busy.value = false
  told.event('node', 3)
  expect(seen).toEqual([1, 2, 3])
  told.reset()
  told.event('node', 4)
  expect(again).toHaveBeenCalledTimes(2)
  expect(seen).toEqual([1, 2, 3])
  busy.value = false
  expect(seen).toEqual([1, 2, 3, 4])
})

test('what was held is older than what is read after a second gap, and dropped', () => {
  told.reset()
  told.event('node', 1)
  told.reset()
  told.event('node', 2)
  busy.value = false
  expect(seen).toEqual([2])
})

test('more than can be held while it is read is dropped, and it is read once again', () => {
  told.reset()
  for (let i = 0; i <= MOST_HELD; ++i) told.event('node', i)
  told.event('node', 'dropped, too')
  busy.value = false
  expect(again).toHaveBeenCalledTimes(2)
  expect(busy.value).toBe(true)
  told.event('node', 'held')
  busy.value = false
  expect(again).toHaveBeenCalledTimes(2)
  expect(seen).toEqual(['held'])
})

test('as many as can be held are told', () => {
  told.reset()
  for (let i = 0; i < MOST_HELD; ++i) told.event('node', i)
  busy.value = false
  expect(seen).toHaveLength(MOST_HELD)
  expect(again).toHaveBeenCalledOnce()
})

test('a stream that does not come keeps nobody from reading', () => {
  vi.advanceTimersByTime(299)
  expect(again).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(again).toHaveBeenCalledOnce()
})

test('what cannot be followed is read once, and whoever asked is told why', () => {
  told.end!({ code: 'not_found' })
  expect(again).toHaveBeenCalledOnce()
  expect(end).toHaveBeenCalledWith({ code: 'not_found' })
})
