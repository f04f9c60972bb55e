import { expect, test } from 'vitest'

import { useActing } from '../../src/parts/acting'

test('a second click is none until the first is done', async () => {
  const { busy, act } = useActing()
  let times = 0
  let done = () => {}
  const doing = () => {
    times += 1
    return new Promise<void>((resolve) => (done = resolve))
  }
  const first = act(doing)
  expect(busy.value).toBe(true)
  await act(doing)
  expect(times).toBe(1)
  done()
  await first
  expect(busy.value).toBe(false)
  void act(doing)
  expect(times).toBe(2)
})

test('what failed is told until the next try, and keeps nobody from it', async () => {
  const { busy, problem, act } = useActing()
  await act(() => Promise.reject(new Error('no')))
  expect([busy.value, String(problem.value)]).toEqual([false, 'Error: no'])
  await act(() => Promise.resolve())
  expect(problem.value).toBeNull()
})
