// How long a screen takes and what it asks, of a fleet of 5,000 nodes and 15,000 lines.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'

import { browser, call, open, token, url } from './browser.mjs'
import { counted, longest, timed, watchTasks } from './figures.mjs'

after(() => browser.close())

const REQUESTS = 6
const LOADS = 3 // of a screen at most: whatever else the machine does makes one of them slow, and not all
const ROWS = 500
const TASK = 100 // ms

/** In milliseconds: until there is something to use, until all is there, and the longest time without an answer. */
async function loaded(name, path, what, count) {
  const { page, context, wrong } = await open()
  await context.addCookies([{ name: 'edge_session', value: token, url }])
  await watchTasks(context)
  const asked = []
  page.on('request', (request) => request.url().includes('/api/') && asked.push(request.url()))
  const began = performance.now()
  await page.goto(url + path, { waitUntil: 'commit' })
  await page.locator(what).first().waitFor()
  const interactive = performance.now() - began
  await page.waitForFunction(([what, count]) => document.querySelectorAll(what).length >= count, [what, count])
  const all_rows = performance.now() - began
  await page.waitForLoadState('networkidle')
  counted(`${name}.requests`, asked.length, 'requests', REQUESTS)
  const longest_task = await longest(page)
  const other = wrong.filter((text) => !text.includes('/usage')) // a node that was never there has told none
  assert.deepEqual([path, other, await page.locator(what).count()], [path, [], count])
  await context.close()
  return { interactive, all_rows, longest_task }
}

test('every screen of a large fleet: interactive soon, few requests, none a row', async () => {
  const { nodes, lines } = await call('GET', '/api/v1/overview')
  assert.deepEqual([nodes.total, lines.total], [5000, 15000])
  const run = await call('POST', '/api/v1/jobs', { service: 'ping', params: { target: '192.0.2.1' }, selector: `limit:${ROWS}`, start_within_ms: 3_600_000 })
  const screens = {
    overview: ['/', '.counters a', 7],
    nodes: ['/nodes', 'tbody tr', 100],
    nodes_found: ['/nodes?q=carrier:ct%20-province:hebei&sort=-last_seen_at', 'tbody tr', 100],
    lines: ['/lines', 'tbody tr', 100],
    node: ['/nodes/node-7', '.line-card', 3],
    runs: ['/runs', 'tbody tr', 1],
    run: [`/runs/${run.id}`, 'table.rows tbody tr', ROWS],
    new_probe: ['/new?from=carrier:ct', '#from-note:not(:empty)', 1],
  }
  for (const [name, [path, what, count]] of Object.entries(screens)) {
    const best = { interactive: Infinity, all_rows: Infinity, longest_task: Infinity }
    for (let load = 0; load < LOADS && best.longest_task > TASK; ++load) {
      const took = await loaded(name, path, what, count)
      for (const figure of Object.keys(best)) best[figure] = Math.min(best[figure], took[figure])
    }
    timed(`${name}.interactive`, best.interactive, 1000)
    if (count === ROWS) timed(`${name}.all_rows`, best.all_rows, 1500)
    timed(`${name}.longest_task`, best.longest_task, TASK)
  }
  const overview = await fetch(`${url}/api/v1/overview`, { headers: { Authorization: `Bearer ${token}` } })
  counted('overview.size', Math.round((await overview.arrayBuffer()).byteLength / 1024), 'KiB', 250)
})
