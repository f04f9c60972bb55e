// The webhooks' screens, a broker that may speak to loopback, and a receiver that answers as its path says.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'

import { assertAccessible, assertAxeIsContent, browser, call, executedIn, signedIn, url, violationsIn } from './browser.mjs'
import { HOSTILE } from './hostile.mjs'
import { configureBroker } from './lab.mjs'

const came = []
const answers = new Map()
const receiver = createServer(async (request, response) => {
  let body = ''
  for await (const part of request) body += part
  came.push({ path: request.url, headers: request.headers, body })
  const { status, text } = answers.get(request.url) ?? { status: 200, text: 'taken' }
  response.writeHead(status, { 'X-Receiver': 'a test', 'Content-Type': 'text/plain; charset=utf-8' }).end(text)
})
let address = ''
before(async () => {
  await once(receiver.listen(0, '127.0.0.1'), 'listening')
  address = `http://127.0.0.1:${receiver.address().port}`
  await configureBroker('timeout_ms = 2000\n') // [webhooks] is the last table of the lab's broker.toml
})
after(async () => {
  receiver.close()
  receiver.closeAllConnections()
  await browser.close()
})

const signature = (secret, { headers, body }) =>
  `v1,${createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64')).update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`).digest('base64')}`
const secretOn = (page) => page.locator('[data-secret]').textContent()
const make = (path, more = {}) => call('POST', '/api/v1/webhooks', { url: address + path, ...more })

test('a webhook is made, its secret shown once, and what is sent verifies by it', async () => {
  const { page, context, wrong } = await signedIn()
  await page.keyboard.press('g')
  await page.keyboard.press('w')
  await page.waitForURL('**/webhooks')
  await page.getByRole('link', { name: 'New webhook' }).click()
  await page.getByRole('button', { name: 'Create webhook' }).click()
  await page.getByText('Say where messages go.').waitFor()
  await page.getByLabel('URL').fill('http://192.0.2.1/hook')
  await page.getByLabel('Description').fill('the night shift')
  await page.getByLabel('Result stored').check()
  await page.getByLabel('Of which lines').fill('carrier:ct')
  await page.getByText('1 line on 1 node').waitFor()
  await page.getByRole('button', { name: 'Create webhook' }).click()
  await page.locator('#hook-url-note:not(:empty)').waitFor()
  assert.equal(await page.getByLabel('Description').inputValue(), 'the night shift')
  await page.getByLabel('URL').fill(`${address}/taken`)
  await page.getByRole('button', { name: 'Create webhook' }).click()
  await page.waitForURL('**/webhooks/hook_*')
  const secret = await secretOn(page)
  assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
  assert.equal(await page.evaluate((secret) => JSON.stringify([location.href, history.state, { ...localStorage, ...sessionStorage }]).includes(secret), secret), false)

  await page.getByRole('button', { name: 'Send test' }).click()
  await page.waitForURL('**?delivery=dlv_*')
  await page.locator('.delivery .card-head', { hasText: 'delivered' }).first().waitFor()
  await page.getByText('x-receiver: a test').or(page.getByText('X-Receiver: a test')).waitFor()
  await page.getByText('taken', { exact: true }).waitFor()
  const sent = came.find((one) => one.path === '/taken')
  assert.equal(sent.headers['webhook-signature'], signature(secret, sent))

  // What is signed anew after a rotation is signed with both.
  await page.getByRole('button', { name: 'Rotate secret' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Rotate secret' }).click()
  await page.waitForFunction((old) => document.querySelector('[data-secret]').textContent !== old, secret)
  const renewed = await secretOn(page)
  await page.getByText(/messages are signed with it as well until 20/).waitFor()
  const before = came.length
  await page.getByRole('button', { name: 'Replay', exact: true }).click()
  await page.getByRole('heading', { name: 'attempt 2' }).waitFor()
  const again = came[before]
  assert.equal(again.headers['webhook-id'], sent.headers['webhook-id'])
  assert.deepEqual(new Set(again.headers['webhook-signature'].split(' ')), new Set([signature(renewed, again), signature(secret, again)]))

  await page.reload()
  await page.getByRole('heading', { name: 'attempt 2' }).waitFor()
  assert.equal(await page.locator('[data-secret]').count(), 0)
  const refused = wrong.filter((text) => text.includes(' 422 ')) // as was asked for above
  assert.deepEqual([wrong.length - refused.length, refused.length, await violationsIn(page)], [0, 1, []])
  await context.close()
})

test('a webhook is changed, disabled, enabled and deleted', async () => {
  const { id } = await make('/changed')
  const { page, context, wrong } = await signedIn()
  await page.goto(`${url}/webhooks/${id}`)
  await page.getByRole('button', { name: 'Edit' }).click()
  await page.getByLabel('Description').fill('other words')
  await page.getByLabel('Node enrolled').check()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('other words').waitFor()
  await page.getByRole('button', { name: 'Disable', exact: true }).click()
  await page.locator('.hook-title', { hasText: 'disabled' }).waitFor()
  assert.deepEqual([(await call('GET', `/api/v1/webhooks/${id}`)).enabled, (await call('GET', `/api/v1/webhooks/${id}`)).events], [false, ['io.edge.node.enrolled.v1']])
  await page.getByRole('button', { name: 'Enable', exact: true }).click()
  await page.locator('.hook-title', { hasText: 'enabled' }).waitFor()
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('dialog').waitFor()
  await assertAxeIsContent(page, 'delete')
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await page.waitForURL('**/webhooks')
  assert.equal((await call('GET', '/api/v1/webhooks')).items.some((one) => one.id === id), false)
  assert.deepEqual(wrong, [])
  await context.close()
})

test('what failed is found, replayed all or in a range, and one by one', async () => {
  answers.set('/broken', { status: 500, text: 'no' })
  const { id } = await make('/broken')
  const { page, context } = await signedIn()
  await page.goto(`${url}/webhooks/${id}`)
  for (let i = 0; i < 2; i++) {
    await page.getByRole('button', { name: 'Send test' }).click()
    await page.locator('.delivery .card-head', { hasText: '500' }).first().waitFor()
    await page.getByRole('button', { name: 'Deliveries' }).click()
  }
  assert.equal(await page.getByText('Failing since').count(), 0) // a test that fails says nothing of what comes by itself
  const rows = page.locator('tbody tr')
  const chip = (name) => page.locator('.delivery-filter label', { hasText: name })
  await chip('delivered').click()
  await page.getByText('Nothing matches.').waitFor()
  await chip('failed').click()
  await page.waitForURL('**state=failed*')
  await rows.nth(1).waitFor()
  assert.equal(await rows.count(), 2)
  await page.getByLabel('Since').fill('2100-01-01T00:00')
  await page.getByLabel('Since').dispatchEvent('change')
  await page.waitForURL('**since=*')
  await page.getByText('Nothing matches.').waitFor()
  await page.getByRole('button', { name: 'Replay this range' }).click()
  await page.getByText('0 deliveries are tried once more.').waitFor()
  await page.goBack()
  await rows.nth(1).waitFor()
  answers.set('/broken', { status: 200, text: 'yes' })
  await page.getByRole('button', { name: 'Replay all failed' }).click()
  await page.getByText('2 deliveries are tried once more.').waitFor()
  await chip('delivered').click()
  await rows.nth(1).waitFor()
  assert.equal(await rows.count(), 2)
  await context.close()
})

test('how a delivery fares is shown as it happens, without asking', async () => {
  answers.set('/watched', { status: 500, text: 'no' })
  const { id } = await make('/watched', { events: ['io.edge.node.enrolled.v1'] })
  const { page, context } = await signedIn()
  await page.goto(`${url}/webhooks/${id}`)
  await page.getByText('Nothing was sent yet.').waitFor()
  await page.locator('.pill[data-state="live"]').waitFor()
  await page.waitForLoadState('networkidle')
  const asked = []
  page.on('request', (request) => request.url().includes('deliveries') && asked.push(request.url()))
  const { id: delivery } = await call('POST', `/api/v1/webhooks/${id}/test`)
  const row = page.locator('tbody tr', { has: page.locator(`a[href*="${delivery}"]`) })
  await row.filter({ hasText: 'failed' }).waitFor()
  answers.set('/watched', { status: 200, text: 'yes' })
  await call('POST', `/api/v1/deliveries/${delivery}/replay`)
  await row.filter({ hasText: 'delivered' }).waitFor()
  assert.deepEqual(asked, [])
  await context.close()
})

test('every screen of webhooks, in both languages and themes', async () => {
  answers.set('/broken-too', { status: 503, text: '{"error":"later"}' })
  const { id } = await make('/broken-too', { description: 'a receiver', events: ['io.edge.result.v1'], selector: 'carrier:ct' })
  const { id: delivery } = await call('POST', `/api/v1/webhooks/${id}/test`)
  const off = await make('/off')
  await call('PATCH', `/api/v1/webhooks/${off.id}`, { enabled: false })
  const paths = ['/webhooks', '/webhooks/new', `/webhooks/${id}`, `/webhooks/${id}?edit=yes`, `/webhooks/${id}?state=failed&since=2026-01-01T00:00Z`, `/webhooks/${id}?delivery=${delivery}`, `/webhooks/${off.id}`, '/webhooks/hook_00000000000000000000000000']
  for (const options of [{ locale: 'en-GB', colorScheme: 'light' }, { locale: 'zh-CN', colorScheme: 'dark' }]) {
    const opened = await signedIn(options)
    for (const path of paths) await assertAccessible(opened, path)
    await opened.context.close()
  }
})

test('what a receiver answers is text, with the policy and without it', async () => {
  for (const policy of [true, false]) {
    const { page, context } = await signedIn({}, { policy })
    for (const [i, text] of HOSTILE.entries()) {
      const path = `/hostile-${policy}-${i}`
      answers.set(path, { status: 500, text })
      const { id } = await make(path, { description: text.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '') })
      await page.goto(`${url}/webhooks/${id}`)
      await page.getByRole('button', { name: 'Send test' }).click()
      await page.locator('.delivery .card-head', { hasText: '500' }).first().waitFor()
      await page.waitForLoadState('networkidle')
      assert.deepEqual(await executedIn(page), [], text)
      assert.equal(await page.locator('main :is(script, iframe, object, style, img, [onerror], [onload], [href^="javascript:"])').count(), 0, text)
    }
    await page.goto(`${url}/webhooks`)
    await page.locator('tbody tr').first().waitFor()
    assert.deepEqual(await executedIn(page), [])
    await context.close()
  }
})
