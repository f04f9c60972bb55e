// Figures as the benches print them, `name value unit aim`. What is counted is held to exactly, what is timed to three times its
// aim: a machine that tests is busy with other things as well.
import assert from 'node:assert/strict'

const SLACK = 3

export function timed(name, ms, aim) {
  console.log(`console.${name} ${ms.toFixed(0)} ms <=${aim}`)
  assert.ok(ms <= aim * SLACK, `${name}: ${ms} ms`)
}

export function counted(name, count, unit, aim) {
  console.log(`console.${name} ${count} ${unit} <=${aim}`)
  assert.ok(count <= aim, `${name}: ${count}`)
}

/** Before the page's own scripts: what keeps the page from answering for more than 50 ms, by the browser's own clock. */
export const watchTasks = (context) => context.addInitScript(() => {
  window.longTasks = []
  new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((one) => one.duration))).observe({ type: 'longtask', buffered: true })
})
export const longest = (page) => page.evaluate(() => Math.max(0, ...window.longTasks))
export const forgetTasks = (page) => page.evaluate(() => void (window.longTasks.length = 0))
