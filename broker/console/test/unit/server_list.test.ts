import { afterEach, expect, test, vi } from 'vitest'
import { effectScope } from 'vue'

import { Problem } from '../../src/api/client'
import { useServerList } from '../../src/fleet/server_list'

const address = vi.hoisted(() => ({ query: { q: 'carrier:ct' } as { q?: string; sort?: string } }))
vi.mock('vue-router', () => ({ useRoute: () => address, useRouter: () => ({}) }))

const saved = vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(() => {})
const answer = (...made: ConstructorParameters<typeof Response>) => {
  const fetched = vi.fn(async (_path: string, _how: RequestInit) => new Response(...made))
  vi.stubGlobal('fetch', fetched)
  return fetched
}
const scope = effectScope()
const list = () => scope.run(() => useServerList('/api/v1/nodes', 'later'))!
afterEach(() => {
  vi.unstubAllGlobals()
  saved.mockClear()
})

test('a list is saved as the type that was asked for, with the filter it has', async () => {
  const fetched = answer('name\ngz-1\n', { headers: { 'Content-Type': 'text/csv' } })
  await list().download('text/csv')
  expect(fetched.mock.calls[0]![0]).toBe('/api/v1/nodes?q=carrier%3Act')
  expect(fetched.mock.calls[0]![1].headers).toEqual({ Accept: 'text/csv' })
  expect(saved).toHaveBeenCalledOnce()
})

test('without a filter in the address it is what is usual, and what is copied and saved says so', async () => {
  const runs = () => scope.run(() => useServerList('/api/v1/runs', 'later', '-origin:prometheus'))!
  const fetched = answer('id\n')
  for (const [q, asked] of [['', '-origin%3Aprometheus'], ['all', 'all']] as const) {
    address.query = q ? { q } : {}
    const list = runs()
    expect(list.q.value).toBe(q)
    expect(list.asCurl()).toContain(`/api/v1/runs?q=${asked}'`)
    await list.download('text/csv')
    expect(fetched.mock.calls.at(-1)![0]).toBe(`/api/v1/runs?q=${asked}`)
  }
  address.query = { q: 'carrier:ct' }
})

test('a problem is no file', async () => {
  for (const status of [401, 503]) {
    answer(JSON.stringify({ status, code: 'unavailable', title: 'Not now' }), { status, headers: { 'Content-Type': 'application/problem+json' } })
    const failed = await list().download('text/csv').catch((problem: unknown) => problem)
    expect(failed).toBeInstanceOf(Problem)
    expect(failed).toMatchObject({ status, title: 'Not now' })
  }
  expect(saved).not.toHaveBeenCalled()
})

test('a page that comes when another list is shown is not added to it', async () => {
  const nodes = list()
  nodes.items.value = ['gz-1']
  nodes.next.value = 'after gz-1'
  answer(JSON.stringify({ items: ['gz-2'], next_cursor: 'after gz-2' }))
  const late = nodes.more()
  nodes.items.value = ['bj-1']
  nodes.next.value = 'after bj-1'
  await late
  expect(nodes.items.value).toEqual(['bj-1'])
  answer(JSON.stringify({ items: ['bj-2'] }))
  await nodes.more()
  expect(nodes.items.value).toEqual(['bj-1', 'bj-2'])
})

test('what is copied for edgectl is one word a value, whatever a link put into the address', () => {
  for (const [query, copied] of [
    [{}, 'edgectl get nodes'],
    [{ q: 'carrier:ct -node:gz-1', sort: '-name' }, "edgectl get nodes -q 'carrier:ct -node:gz-1' --sort=-name"],
    [{ q: "x'; id; '", sort: 'name; id' }, "edgectl get nodes -q 'x'\\''; id; '\\''' --sort='name; id'"],
  ] as const) {
    address.query = query
    expect(list().asEdgectl()).toBe(copied)
  }
})
