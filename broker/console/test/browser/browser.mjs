// Debian's Chromium against the lab's broker; what goes wrong in a page is kept, so that a test can ask for none of it.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

import { chromium } from 'playwright-core'

export const url = process.env.EDGE_URL
export const token = process.env.EDGE_TOKEN

export const browser = await chromium.launch({ executablePath: process.env.EDGE_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--no-proxy-server'] })

export async function call(method, path, body, headers = {}) {
  const response = await fetch(url + path, {
    method,
    headers: { Authorization: `Bearer ${token}`, ...(body ? { 'Content-Type': 'application/json' } : {}), ...headers },
    body: body && JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  return response.status === 204 ? null : response.json()
}

export const probe = (service, params, selector = 'all') => call('POST', '/api/v1/jobs', { service, params, selector }, { Prefer: 'wait=30' })

/** A page, and what went wrong in it: errors of scripts and of the console, and violations of the policy. */
export async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB', ...options })
  await context.addInitScript(() => {
    window.violations = []
    window.executed = []
    document.addEventListener('securitypolicyviolation', (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`))
    window.alert = (text) => window.executed.push(String(text))
  })
  const page = await context.newPage()
  const wrong = []
  page.on('pageerror', (error) => wrong.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error') wrong.push(`${message.text()} ${message.location().url}`)
  })
  return { context, page, wrong }
}

/** `policy: false`: as if the broker sent none, so that what it would have stopped is seen. */
export async function signedIn(options = {}, { policy = true } = {}) {
  const opened = await open(options)
  if (!policy) {
    await opened.page.route(`${url}/**`, async (route) => {
      if (!route.request().isNavigationRequest()) return route.fallback()
      const response = await route.fetch()
      const { 'content-security-policy': _, ...headers } = response.headers()
      await route.fulfill({ response, headers })
    })
  }
  const { url: link } = await call('POST', '/api/v1/sign-in-codes')
  await opened.page.goto(link)
  await opened.page.locator('nav.rail').waitFor()
  return opened
}

export const executedIn = (page) => page.evaluate(() => window.executed)
export const violationsIn = (page) => page.evaluate(() => window.violations)

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe objects to in what is shown now: nothing. */
export async function assertAxeIsContent(page, where) {
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }))
  assert.deepEqual(violations.map((one) => `${where} ${one.id}: ${one.nodes[0].html}`), [])
}

/** Goes there: no error, nothing against the policy, nothing axe objects to, and not wider than the window. */
export async function assertAccessible({ page, wrong }, path) {
  await page.goto(url + path)
  await page.waitForLoadState('networkidle')
  await page.locator('h1').first().waitFor()
  await assertAxeIsContent(page, path)
  const expected = wrong.filter((text) => !text.includes(' 404 '))
  assert.deepEqual([path, expected, await violationsIn(page)], [path, [], []])
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, `${path} is wider than the window`)
}
