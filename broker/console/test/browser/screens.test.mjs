import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, test } from 'node:test'

import { assertAccessible, assertAxeIsContent, browser, call, executedIn, open, probe, signedIn, token, url, violationsIn } from './browser.mjs'
import { HOSTILE, LONG, hostileResult, hostileRun } from './hostile.mjs'

after(() => browser.close())

test('a token signs in, a wrong one is told, and one lands where one wanted to go', async () => {
  const { page, context } = await open()
  await page.goto(`${url}/nodes?q=state:connected`)
  await page.getByLabel('API token').fill('edgep_wrong')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('This broker does not know that token').waitFor()
  await page.getByLabel('API token').fill(token)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('button', { name: 'Sign out' }).waitFor() // the address of the sign-in page ends like that one, too
  await page.waitForURL('**/nodes?q=state:connected')
  const [cookie] = await context.cookies()
  assert.deepEqual([cookie.name, cookie.httpOnly, cookie.sameSite], ['edge_session', true, 'Strict'])
  assert.equal(await page.evaluate(() => document.cookie), '')
  assert.equal(await page.evaluate((token) => JSON.stringify({ ...localStorage, ...sessionStorage }).includes(token), token), false)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.waitForURL('**/signin')
  assert.equal((await context.cookies()).length, 0)
  await page.goto(`${url}/`)
  await page.waitForURL('**/signin')
  await context.close()
})

test('a sign-in link works once, and is in no address or history', async () => {
  const { url: link } = await call('POST', '/api/v1/sign-in-codes')
  const first = await open()
  await first.page.goto(link)
  await first.page.locator('nav.rail').waitFor()
  assert.equal(first.page.url(), `${url}/`)
  const second = await open()
  await second.page.goto(link)
  await second.page.getByText('This sign-in link was used before').waitFor()
  await first.context.close()
  await second.context.close()
})

test('a probe: every line is a row, the answers come, and the result has an address', async () => {
  const { page, context, wrong } = await signedIn()
  await page.keyboard.press('p')
  await page.waitForURL('**/new')
  await page.getByLabel('Target').fill('ping.lab.test')
  await page.keyboard.press('Control+Enter')
  await page.waitForURL('**/new?*run=run_*')
  const rows = page.locator('table.rows tbody tr')
  await rows.first().waitFor()
  assert.equal(await rows.count(), 3)
  await page.waitForFunction(() => document.querySelectorAll('table.rows tbody tr a[data-row]').length === 3)
  await page.getByText('verified').first().waitFor()
  await page.getByRole('tab', { name: 'Output' }).click()
  await page.getByText(/gz-1\/telecom {2}ok/).waitFor()
  assert.match(page.url(), /view=output/)
  await page.reload()
  await page.getByText(/gz-1\/telecom {2}ok/).waitFor()
  await page.getByRole('tab', { name: 'Lines' }).click()
  await rows.first().locator('a[data-row]').click()
  await page.waitForURL('**/r/res_*')
  await page.getByRole('heading', { name: 'Evidence' }).waitFor()
  const address = page.url()
  await page.goBack()
  await rows.first().waitFor()
  await page.goto(address)
  await page.getByRole('heading', { name: 'Round-trip times' }).waitFor()
  assert.deepEqual([wrong, await violationsIn(page)], [[], []])
  await context.close()
})

test('a mistake is told at its field, and what was typed stays', async () => {
  const { page, context } = await signedIn()
  await page.goto(`${url}/new?target=ping.lab.test&from=telecm`)
  await page.getByRole('button', { name: 'Run probe' }).click()
  await page.getByText('did you mean "telecom"').first().waitFor()
  assert.equal(await page.getByLabel('From').inputValue(), 'telecm')
  await page.getByLabel('Target').fill('')
  await page.getByRole('button', { name: 'Run probe' }).click()
  await page.getByText('Say what to probe.').waitFor()
  await context.close()
})

test('what a scrape of /probe ran is left out of the runs, which is said, and shown when it is asked for; a slip is told at the filter', async () => {
  const asked = await probe('ping', { target: 'ping.lab.test', count: 1 }, 'telecom')
  const scrape = await fetch(`${url}/probe?target=ping.lab.test&module=icmp&node=gz-1&line=telecom`, { headers: { Authorization: `Bearer ${token}` } })
  assert.equal(scrape.status, 200)
  const scraped = (await call('GET', '/api/v1/runs?q=origin:prometheus')).items[0]
  const { page, context } = await signedIn()
  const row = (run) => page.locator(`a[href="/runs/${run.id}"]`)
  await page.goto(`${url}/runs`)
  await row(asked).waitFor()
  assert.equal(await row(scraped).count(), 0)
  await page.getByText('Runs that scrapes of /probe made are left out.').waitFor()
  await page.getByRole('button', { name: 'Show them' }).click()
  await row(scraped).waitFor()
  await row(asked).waitFor()
  assert.match(page.url(), /q=all/)
  await page.getByLabel('Filter').fill('orign:prometheus')
  await page.locator('#filter-note', { hasText: 'did you mean "origin"?' }).waitFor()
  await page.goto(`${url}/lines?q=carier:ct`)
  await page.locator('#filter-note', { hasText: 'did you mean "carrier"?' }).waitFor()
  await context.close()
})

test('a recurring job is made where a probe is, shown with what comes of it, paused, resumed and deleted', async () => {
  const { page, context, wrong } = await signedIn()
  await page.goto(`${url}/new?target=ping.lab.test&from=telecom`)
  await page.getByText('Cron', { exact: true }).click()
  await page.getByLabel('Cron', { exact: true }).last().fill('61 * * * *')
  await page.getByRole('button', { name: 'Begin' }).click()
  await page.locator('#when-note.bad').waitFor()
  assert.match(await page.locator('#when-note').innerText(), /minute/)
  assert.equal(await page.getByLabel('Target').inputValue(), 'ping.lab.test')
  const refused = wrong.splice(0)
  assert.ok(refused.every((text) => text.includes(' 422 ')), String(refused))

  await page.getByText('Every', { exact: true }).click()
  await page.getByLabel('Every').last().fill('1')
  await page.getByLabel('Unit').selectOption('s')
  await page.getByText('Runs every second, until it is paused or deleted.').waitFor()
  assert.match(page.url(), /every=1s/)
  await page.getByRole('button', { name: 'Begin' }).click()
  await page.waitForURL('**/jobs/job_*')
  const id = page.url().split('/').at(-1)
  const row = page.locator(`a[data-row][href="/jobs/${id}"]`)
  await page.getByText('active', { exact: true }).waitFor()
  await page.locator('tbody a[href^="/runs/run_"]').nth(1).waitFor() // two ticks, without a reload
  await page.getByRole('button', { name: 'Pause' }).click()
  await page.getByText('paused', { exact: true }).waitFor()
  assert.equal((await call('GET', `/api/v1/jobs/${id}`)).state, 'paused')
  await page.locator('tbody a[href^="/runs/run_"]').first().click()
  await page.getByRole('link', { name: 'of a recurring job' }).click()
  await page.getByRole('button', { name: 'Resume' }).click()
  await page.getByText('active', { exact: true }).waitFor()

  await page.keyboard.press('g')
  await page.keyboard.press('j')
  await page.waitForURL('**/jobs')
  await row.waitFor()
  assert.match(await page.locator('tbody tr', { has: row }).innerText(), /every second[^]*active/)
  assert.equal(await page.locator('tbody tr').count(), 1) // none of those that were run once
  await row.click()
  await page.getByRole('link', { name: 'New one like it' }).click()
  await page.waitForURL('**/new?*every=1s*')
  await page.goBack()
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await page.getByText('deleted', { exact: true }).waitFor()
  assert.equal(await page.getByRole('button', { name: /Pause|Resume|Delete/ }).filter({ visible: true }).count(), 0)
  await page.goto(`${url}/jobs`)
  await page.getByText('Nothing recurs yet.').waitFor()
  await page.goto(`${url}/jobs?q=state:deleted`)
  await row.waitFor()
  assert.deepEqual([wrong, await violationsIn(page)], [[], []])
  await context.close()
})

test('every screen, in both languages and themes: no error, nothing against the policy, nothing axe objects to', async () => {
  const ping = await probe('ping', { target: 'ping.lab.test' })
  const dns = await probe('dns', { target: 'cdn.lab.test' })
  const http = await probe('http', { target: 'https://www.lab.test/', keep_body_bytes: 200 })
  const failed = await probe('http', { target: 'https://nothing.lab.test/' })
  const recurring = await call('POST', '/api/v1/jobs', { service: 'ping', params: { target: 'ping.lab.test', count: 3 }, selector: 'telecom', schedule: { cron: '*/5 * * * *', zone: 'Asia/Shanghai', window: { from: '08:00', to: '20:00' }, jitter_ms: 2000 } })
  const paths = ['/', '/new', '/new?target=a&every=5m', '/new?target=a&cron=*/5 * * * *&zone=Asia/Shanghai', '/jobs', `/jobs/${recurring.id}`, '/runs', `/runs/${ping.id}`, '/nodes', '/nodes/gz-1', '/lines', '/nothing/here',
    ...[ping, dns, http, failed].map((run) => `/r/${run.results[0].id}`)]
  const narrow = { locale: 'en-GB', colorScheme: 'light', viewport: { width: 375, height: 800 } }
  const opened = await signedIn(narrow)
  for (const path of paths.filter((one) => /new|jobs/.test(one))) await assertAccessible(opened, path)
  await opened.context.close()
  for (const options of [{ locale: 'en-GB', colorScheme: 'light' }, { locale: 'zh-CN', colorScheme: 'dark' }]) {
    const opened = await signedIn(options)
    const { page, context } = opened
    for (const path of paths) await assertAccessible(opened, path)
    for (const keys of ['Control+K', '?']) { // the palette, the sheet of keys
      await page.keyboard.press(keys)
      await page.getByRole('dialog').waitFor()
      await assertAxeIsContent(page, keys)
      await page.keyboard.press('Escape')
      await page.getByRole('dialog').waitFor({ state: 'hidden' })
    }
    assert.equal(await page.evaluate(() => document.documentElement.lang), options.locale === 'zh-CN' ? 'zh-CN' : 'en')
    await context.close()
  }
  await call('DELETE', `/api/v1/jobs/${recurring.id}`)
})

/** Nothing of it ran, and nothing of it became an element that could. */
async function assertInert(page, text) {
  await page.waitForLoadState('networkidle') // what an image that is not there calls, it calls then
  assert.deepEqual(await executedIn(page), [], text)
  assert.equal(await page.locator('main :is(script, iframe, object, style, img, [onerror], [onload], [href^="javascript:"])').count(), 0, text)
}

test('hostile output is text in every field, with the policy and without it', async () => {
  const result = (await probe('dns', { target: 'cdn.lab.test' })).results[0]
  for (const policy of [true, false]) {
    const { page, context, wrong } = await signedIn({}, { policy })
    page.setDefaultTimeout(10_000)
    let hostile
    await page.route('**/api/v1/results/*', (route) => route.fulfill({ json: hostile }))
    await page.route('**/api/v1/runs/**', (route) => route.fulfill({ json: hostileRun(hostile).read(route.request().url()) }))
    await page.routeWebSocket('**/api/v1/stream', (socket) => {
      socket.send(JSON.stringify({ event: 'hello', stream: 'of a test' }))
      socket.onMessage((text) => {
        const { sub, topic } = JSON.parse(text)
        const events = topic === 'run' ? hostileRun(hostile).events : []
        for (const message of [{ event: 'subscribed', seq: 1 }, ...events]) socket.send(JSON.stringify({ sub, ...message }))
      })
    })
    for (const service of ['dns', 'http', 'ping']) {
      // Without the policy each stands alone, so that none hides behind another's open tag.
      for (const text of policy ? [HOSTILE.join('\n')] : [...HOSTILE, ...(service === 'dns' ? [LONG] : [])]) {
        hostile = hostileResult(result, service, text)
        await page.goto(`${url}/r/${result.id}`)
        await page.getByRole('heading', { name: 'Evidence' }).waitFor().catch(() => assert.fail(`${service} ${text.slice(0, 99)}: ${wrong}`))
        for (const summary of await page.locator('summary').all()) await summary.click()
        await assertInert(page, text)
        await page.goto(`${url}/runs/${result.run_id}?view=output`)
        await page.locator('pre').waitFor()
        await assertInert(page, text)
      }
    }
    await context.close()
  }
})

test('a page of another origin can neither ask nor change anything', async () => {
  const { page, context } = await signedIn()
  // Another port is the same site: the browser sends the cookie there and from there.
  const evil = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end('<p>evil')).listen(0, '127.0.0.1')
  await once(evil, 'listening')
  const before = (await call('GET', '/api/v1/runs?limit=1')).items[0]?.id
  await page.goto(`http://127.0.0.1:${evil.address().port}/`)
  const outcomes = await page.evaluate(async (url) => {
    const job = JSON.stringify({ service: 'ping', params: { target: 'ping.lab.test' }, selector: 'all' })
    const attempts = [
      () => fetch(`${url}/api/v1/jobs`, { method: 'POST', body: job, credentials: 'include', headers: { 'Content-Type': 'application/json' } }),
      () => fetch(`${url}/api/v1/jobs`, { method: 'POST', body: job, credentials: 'include', mode: 'no-cors' }),
      () => fetch(`${url}/api/v1/session`, { credentials: 'include' }),
    ]
    return Promise.all(attempts.map((attempt) => attempt().then((response) => response.type, () => 'refused')))
  }, url)
  assert.deepEqual(outcomes, ['refused', 'opaque', 'refused'])
  assert.equal((await call('GET', '/api/v1/runs?limit=1')).items[0]?.id, before)
  evil.close()
  await context.close()
})
