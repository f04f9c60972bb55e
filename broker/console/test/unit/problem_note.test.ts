import { afterEach, expect, test } from 'vitest'
import { createApp } from 'vue'

import { Problem } from '../../src/api/client'
import ProblemNote from '../../src/parts/ProblemNote.vue'
import { language } from '../../src/words'

const shown = (problem: Problem) => {
  const place = document.createElement('div')
  const app = createApp(ProblemNote, { problem })
  app.mount(place)
  const text = place.textContent
  app.unmount()
  return text
}
afterEach(() => (language.value = 'en'))

test('a problem has its title in the language of the page, its detail as the broker gave it', () => {
  const problem = new Problem(422, 'no_match', 'The selector matches no line', 'nothing matches "telecm"', 'req_1')
  language.value = 'en'
  expect(shown(problem)).toContain('The selector matches no line')
  language.value = 'zh-CN'
  expect(shown(problem)).toContain('选择器没有匹配任何线路')
  expect(shown(problem)).not.toContain('The selector')
  expect(shown(problem)).toContain('nothing matches "telecm"')
})

test('a code that this console does not know keeps the title it came with', () => {
  language.value = 'zh-CN'
  expect(shown(new Problem(418, 'teapot', 'Short and stout', '', ''))).toContain('Short and stout')
})
