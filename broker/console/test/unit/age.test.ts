import { expect, test } from 'vitest'
import { createSSRApp } from 'vue'
import { renderToString } from 'vue/server-renderer'

import Age from '../../src/parts/Age.vue'
import { now } from '../../src/parts/clock'
import { language } from '../../src/words'

const said = async (ms: number, overdue?: string) => {
  now.value = Date.parse('2026-11-29T01:00:00.000Z')
  const html = await renderToString(createSSRApp(Age, { at: new Date(now.value + ms).toISOString(), overdue }))
  return />([^<]*)</.exec(html)?.[1]
}

test('what is to come says when, and that it waits once that is over', async () => {
  language.value = 'en'
  expect([await said(90_000, 'waits'), await said(0, 'waits'), await said(-1000, 'waits'), await said(-60_000, 'waits')]).toEqual(['in 1 min.', 'now', 'now', 'waits'])
})

test('what was is never to come, whatever the clocks say', async () => {
  language.value = 'en'
  expect([await said(-90_000), await said(5000)]).toEqual(['1 min. ago', 'now'])
})
