// Debian's Chromium against the lab's broker; what goes wrong in a page is kept, so that a test can ask for none of it.
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

/** Paths that this broker does not have (yet): what a page misses there is no mistake of the page. */
const missing = []
for (const path of ['/api/v1/stream', '/api/v1/selection', '/api/v1/overview']) {
  const { status } = await fetch(url + path, { headers: { Authorization: `Bearer ${token}` } })
  if (status === 404) missing.push(path)
}
if (missing.length) console.log(`NOT TESTED, this broker has no ${missing.join(', ')}`)
const isMissing = (text) => missing.some((path) => text.includes(path))
export const has = (path) => !missing.includes(path)

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
    if (message.type() === 'error' && !isMissing(message.text() + message.location().url)) wrong.push(`${message.text()} ${message.location().url}`)
  })
  return { context, page, wrong }
}

export async function signedIn(options = {}) {
  const opened = await open(options)
  const { url: link } = await call('POST', '/api/v1/sign-in-codes')
  await opened.page.goto(link)
  await opened.page.locator('nav.rail').waitFor()
  return opened
}

export const executedIn = (page) => page.evaluate(() => window.executed)
export const violationsIn = (page) => page.evaluate(() => window.violations)
