// How long a screen takes and what it asks, of a fleet of 5,000 nodes and 15,000 lines.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'

import { browser, call, open, token, url } from './browser.mjs'
import { counted, longest, timed, watchTasks } from './figures.mjs'

after(() => browser.close())

const REQUESTS = 6
const ROWS = 500

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
    const { page, context, wrong } = await open()
    await context.addCookies([{ name: 'edge_session', value: token, url }])
    await watchTasks(context)
    const asked = []
    page.on('request', (request) => request.url().includes('/api/') && asked.push(request.url()))
    const began = performance.now()
    await page.goto(url + path, { waitUntil: 'commit' })
    await page.locator(what).first().waitFor()
    timed(`${name}.interactive`, performance.now() - began, 1000)
    await page.waitForFunction(([what, count]) => document.querySelectorAll(what).length >= count, [what, count])
    if (count === ROWS) timed(`${name}.all_rows`, performance.now() - began, 1500)
    await page.waitForLoadState('networkidle')
    counted(`${name}.requests`, asked.length, 'requests', REQUESTS)
    timed(`${name}.longest_task`, await longest(page), 100)
    const other = wrong.filter((text) => !text.includes('/usage')) // a node that was never there has told none
    assert.deepEqual([path, other, await page.locator(what).count()], [path, [], count])
    await context.close()
  }
  const overview = await fetch(`${url}/api/v1/overview`, { headers: { Authorization: `Bearer ${token}` } })
  counted('overview.size', Math.round((await overview.arrayBuffer()).byteLength / 1024), 'KiB', 250)
})
