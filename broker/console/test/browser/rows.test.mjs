// 500 rows that fill while one looks at them, in a lab whose lines take no time.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'

import { browser, signedIn, url } from './browser.mjs'
import { counted, forgetTasks, longest, timed, watchTasks } from './figures.mjs'

after(() => browser.close())

const REPEAT = 167
const ROWS = 3 * REPEAT

test('a probe of three lines: the first answer comes soon', async () => {
  const { page, context } = await signedIn()
  await page.goto(`${url}/new?service=ping&target=ping.lab.test&count=1`)
  await page.locator('.pill[data-state="live"]').waitFor()
  await page.waitForLoadState('networkidle')
  const began = performance.now()
  await page.getByRole('button', { name: 'Run probe' }).click()
  await page.locator('table.rows tbody tr a[data-row]').first().waitFor()
  timed('probe.first_result', performance.now() - began, 300)
  await context.close()
})

test('500 rows stream, and the page answers all the while', async () => {
  const { page, context, wrong } = await signedIn()
  await watchTasks(context)
  await page.goto(`${url}/new?service=ping&target=ping.lab.test&repeat=${REPEAT}&count=1`)
  await page.locator('.pill[data-state="live"]').waitFor()
  await page.waitForLoadState('networkidle')
  await forgetTasks(page)
  const asked = []
  page.on('request', (request) => asked.push(request.url()))
  const began = performance.now()
  await page.getByRole('button', { name: 'Run probe' }).click()
  await page.locator('table.rows tbody tr a[data-row]').first().waitFor()
  timed('rows.first_result', performance.now() - began, 1000)
  await page.waitForFunction((rows) => document.querySelectorAll('table.rows tbody tr a[data-row]').length === rows, ROWS, { timeout: 60_000 })
  timed('rows.all', performance.now() - began, 5000)
  timed('rows.longest_task', await longest(page), 100)
  counted('rows.requests', asked.filter((one) => one.includes('/api/')).length, 'requests', 6)
  assert.deepEqual(wrong, [])
  await context.close()
})
