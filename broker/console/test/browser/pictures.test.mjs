// The README's pictures, taken where EDGE_PICTURES says: `EDGE_PICTURES=docs/images tests/lab/run --nodes 9 -- node --test
// broker/console/test/browser/pictures.test.mjs`, and looked at before they are committed.
import assert from 'node:assert/strict'
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'

import { browser, call, probe, signedIn, url } from './browser.mjs'
import { cable, until } from './lab.mjs'

const folder = process.env.EDGE_PICTURES
const MOST_BYTES = 150 * 1024
after(() => browser.close())

test('pictures for the README', { skip: folder ? false : 'EDGE_PICTURES says no folder' }, async () => {
  mkdirSync(folder, { recursive: true })
  for (const target of ['ping.lab.test', 'www.lab.test']) await probe('ping', { target, count: 5 })
  const http = await probe('http', { target: 'https://www.lab.test/', keep_body_bytes: 400 })
  cable('pull', 'mobile')
  const ping = await probe('ping', { target: 'www.lab.test' })
  await until(async () => (await call('GET', '/api/v1/overview')).lines.down > 0, 'the line to be down')
  const { id } = http.results.find((one) => one.line.name === 'unicom')
  const screens = {
    overview: ['/', '.tile-cells [data-tone="bad"]'],
    probe: [`/new?service=ping&target=www.lab.test&run=${ping.id}`, 'table.rows a[data-row]'],
    result: [`/r/${id}`, '.result-side'],
  }
  for (const [look, options] of Object.entries({
    'light-en': { locale: 'en-GB', colorScheme: 'light' },
    'dark-zh': { locale: 'zh-CN', colorScheme: 'dark' },
  })) {
    const { page, context } = await signedIn({ viewport: { width: 1280, height: 800 }, ...options })
    for (const [name, [path, what]] of Object.entries(screens)) {
      await page.goto(url + path)
      await page.locator(what).first().waitFor()
      await page.locator('.pill[data-state="live"]').waitFor()
      await page.waitForLoadState('networkidle')
      await page.evaluate(() => document.activeElement?.blur())
      const file = join(folder, `${name}-${look}.png`)
      await page.screenshot({ path: file })
      assert.ok(statSync(file).size <= MOST_BYTES, `${file}: ${statSync(file).size} bytes`)
    }
    await context.close()
  }
  cable('plug', 'mobile')
})
