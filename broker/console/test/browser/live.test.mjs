// What a page shows without being asked again: by the stream, in the lab. Programs are killed here, so this lab is its own.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'

import { browser, call, probe, signedIn, url, violationsIn } from './browser.mjs'
import { cable, start, startBroker, stop } from './lab.mjs'

after(() => browser.close())

const AGENT = 'edge-agent-gz-1'
const pill = (page) => page.locator('.pill')
const counter = (page, name) => page.locator('.counters a', { hasText: name }).locator('.counter-value')
/** A reload would take it away. */
const mark = (page) => page.evaluate(() => (window.here = true))
const isHere = (page) => page.evaluate(() => window.here === true)
const says = (locator, text) => locator.filter({ hasText: text }).waitFor()

test('a node that goes down changes the overview and the lists without a reload', async () => {
  const { page, context, wrong } = await signedIn()
  const other = await context.newPage()
  await says(pill(page), /^Live$/)
  await says(counter(page, 'Nodes online'), /^1 \/ 1$/)
  const cells = page.locator('a.tile', { hasText: 'GD' }).locator('.tile-cells i')
  await page.waitForFunction(() => document.querySelectorAll('a.tile .tile-cells i[data-tone="good"]').length === 3)
  await other.goto(`${url}/nodes`)
  const row = other.locator('tbody tr', { hasText: 'gz-1' })
  await says(row, 'connected')
  await Promise.all([mark(page), mark(other)])
  await stop(AGENT)
  await says(counter(page, 'Nodes online'), /^0 \/ 1$/)
  await page.waitForFunction(() => document.querySelectorAll('a.tile .tile-cells i[data-tone="good"]').length === 0)
  assert.equal(await cells.count(), 3)
  await says(row, 'disconnected')
  start(AGENT)
  await says(counter(page, 'Nodes online'), /^1 \/ 1$/)
  await page.waitForFunction(() => document.querySelectorAll('a.tile .tile-cells i[data-tone="good"]').length === 3)
  await other.waitForFunction(() => !document.querySelector('tbody tr').textContent.includes('disconnected'))
  assert.deepEqual([await isHere(page), await isHere(other), wrong, await violationsIn(page)], [true, true, [], []])
  await context.close()
})

test('a run that was started elsewhere is in the list, and ends there', async () => {
  const { page, context } = await signedIn()
  await page.goto(`${url}/runs`)
  await says(pill(page), /^Live$/)
  await page.locator('h1').waitFor()
  await page.waitForLoadState('networkidle')
  const asked = []
  page.on('request', (request) => asked.push(request.url()))
  const run = await call('POST', '/api/v1/jobs', { service: 'ping', params: { target: 'ping.lab.test', count: 5 }, selector: 'all' })
  const row = page.locator('tbody tr', { has: page.locator(`a[href="/runs/${run.id}"]`) })
  await row.waitFor()
  await says(row, 'finished')
  await says(row, '3/3')
  assert.deepEqual(asked, [])
  await context.close()
})

test('a broker that is killed is told of, what is shown is stale, and everything goes on when it is back', async () => {
  const { page, context } = await signedIn()
  const following = await context.newPage()
  await says(pill(page), /^Live$/)
  const run = await call('POST', '/api/v1/jobs', { service: 'ping', params: { target: 'ping.lab.test', count: 40, interval_ms: 200 }, selector: 'all' })
  await following.goto(`${url}/runs/${run.id}?view=output`)
  await following.getByText(/seq \d+: /).first().waitFor()
  await Promise.all([mark(page), mark(following)])
  await stop('edge-broker')
  await says(pill(page), /^Reconnecting in \d+ s$/)
  await page.locator('.counters.stale').waitFor()
  await page.waitForFunction(() => document.querySelectorAll('a.tile i[data-step="none"]').length === 3)
  await says(pill(page), /^Stale since \d\d:\d\d:\d\d$/)
  await startBroker()
  await says(pill(page), /^Live$/)
  await page.locator('.counters:not(.stale)').waitFor()
  await says(counter(page, 'Nodes online'), /^1 \/ 1$/)
  // The node kept what it had measured; the page takes it up where it is.
  await following.getByText(/gz-1\/telecom {2}ok/).waitFor()
  await says(following.locator('.run-head'), 'finished')
  assert.deepEqual([await isHere(page), await isHere(following)], [true, true])
  await context.close()
})

test('again on the lines that failed, and on no others', async () => {
  cable('pull', 'mobile')
  const run = await probe('ping', { target: 'ping.lab.test', count: 1, timeout_ms: 500 })
  cable('plug', 'mobile')
  assert.equal(run.tasks.succeeded, 2)
  const { page, context, wrong } = await signedIn()
  await page.goto(`${url}/runs/${run.id}`)
  await page.getByRole('button', { name: 'Again on failed' }).click()
  await page.waitForURL((now) => now.pathname.startsWith('/runs/run_') && !now.pathname.endsWith(run.id))
  await page.locator('table.rows tbody tr', { hasText: 'mobile' }).waitFor()
  assert.equal(await page.locator('table.rows tbody tr').count(), 1)
  await says(page.locator('.run-head'), 'node:gz-1 line:mobile')
  const again = await call('GET', `/api/v1/runs/${page.url().split('/').at(-1)}`)
  const [before, now] = await Promise.all([run, again].map((one) => call('GET', `/api/v1/jobs/${one.job_id}`)))
  assert.deepEqual(now.params, before.params)
  assert.deepEqual(wrong, [])
  await context.close()
})
