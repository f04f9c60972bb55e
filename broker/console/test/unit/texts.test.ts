import { expect, test } from 'vitest'

import { ago, bytes, duration, percent } from '../../src/figures'
import { stateOf, stepOf, tilesOf, type Cell } from '../../src/fleet/overview'
import { fullName, provinceOf, PROVINCES } from '../../src/fleet/provinces'
import { Presses, SHORTCUTS } from '../../src/keys'
import { commandsFor, probeSentence } from '../../src/parts/commands'
import { fields, list, number, text, texts, visible } from '../../src/result/fields'
import { pingBars, roundUp } from '../../src/result/ping_bars'
import { waterfall } from '../../src/result/waterfall'
import { answerText, progressText } from '../../src/run/said'
import { en } from '../../src/words/en'
import { zh } from '../../src/words/zh'

test('numbers have a unit and three digits that mean something', () => {
  expect([0, 812, 12_204, 999_600, 1_040_000, 61_000_000].map(duration)).toEqual(['0 µs', '812 µs', '12.2 ms', '1.00 s', '1.04 s', '61.0 s'])
  expect([null, undefined, NaN].map(duration)).toEqual(['–', '–', '–'])
  expect([0, 1023, 1024, 1536, 10 * 1024 ** 2, 1024 ** 3 - 1].map(bytes)).toEqual(['0 B', '1023 B', '1.00 KiB', '1.50 KiB', '10.0 MiB', '1.00 GiB'])
  expect([0, 0.05, 2.5, 33.333, 100, null].map(percent)).toEqual(['0 %', '0.05 %', '2.5 %', '33.3 %', '100 %', '–'])
  expect(ago(0, 90_000, 'en')).toBe('1 min. ago')
})

test('whatever a node wrote is read without believing it', () => {
  for (const value of [null, undefined, 'x', 7, [], [null], { a: { b: [] } }, true]) {
    expect(typeof fields(value)).toBe('object')
    expect(Array.isArray(list(value))).toBe(true)
    expect(Array.isArray(texts(value))).toBe(true)
    expect(typeof progressText(value)).toBe('string')
    expect(() => answerText({ service: 'dns', summary: {}, detail: { answer: value } } as never)).not.toThrow()
  }
  expect(text({})).toBeNull()
  expect(number('7')).toBeNull()
  expect(number(Infinity)).toBeNull()
})

test('characters that hide or turn text are shown as what they are', () => {
  expect(visible('a\u0000b\u001b[31m')).toBe('a\\u{0}b\\u{1b}[31m')
  expect(visible('abc\u202egnp.exe')).toBe('abc\\u{202e}gnp.exe')
  expect(visible('\ud800x')).toBe('\\u{d800}x')
  expect(visible('x'.repeat(3000))).toBe(`${'x'.repeat(2000)}… (+1000)`)
  expect(visible('x'.repeat(30), { most: 20 })).toBe(`${'x'.repeat(20)}… (+10)`)
  expect(visible('中文 😀\n\t')).toBe('中文 😀\n\t')
})

test('each province has a place of its own, and labels find it in every spelling', () => {
  expect(PROVINCES).toHaveLength(34)
  expect(new Set(PROVINCES.map((one) => `${one.column}/${one.row}`)).size).toBe(34)
  for (const label of ['guangdong', 'GD', '44', '广东', '广东省', '粤', 'Guangdong']) expect(provinceOf(label)?.id).toBe('guangdong')
  for (const label of ['广西壮族自治区', 'hong-kong', 'Inner Mongolia', '北京市']) expect(provinceOf(label)).toBeDefined()
  expect(provinceOf('bavaria')).toBeUndefined()
  expect(fullName('44', 'zh-CN')).toBe('广东')
  expect(fullName('bavaria', 'en')).toBe('bavaria')
})

const cell = (more: Partial<Cell>): Cell => ({ province: 'gd', carrier: 'ct', lines: 1, up: 1, degraded: 0, down: 0, unknown: 0, rtt_us: null, loss_permille: null, ...more })

test('a tile shows its worst, carriers in one order, and nothing is left out', () => {
  const { tiles, elsewhere } = tilesOf([cell({ carrier: 'cm' }), cell({ carrier: 'ct' }), cell({ province: '' }), cell({ province: 'bavaria', carrier: 'x' })])
  expect(tiles.find((tile) => tile.province.id === 'guangdong')?.cells.map((one) => one.carrier)).toEqual(['ct', 'cm'])
  expect(elsewhere.map((one) => one.province)).toEqual(['', 'bavaria'])
  expect(stateOf(cell({ up: 10, down: 1 }))).toBe('down')
  expect(stateOf(cell({ up: 0, lines: 0 }))).toBe('unknown')
  expect([null, 1000, 20_000, 5_000_000].map((rtt_us) => stepOf(cell({ rtt_us }), 'rtt'))).toEqual([null, 0, 1, 4])
})

test('two keys in a row are one shortcut, if the second comes in time', () => {
  const presses = new Presses()
  expect([presses.press('g', 0), presses.press('n', 500)]).toEqual([null, 'nodes'])
  expect([presses.press('g', 1000), presses.press('n', 3000)]).toEqual([null, null])
  expect(presses.press('p', 4000)).toBe('probe')
  expect([presses.press('g', 5000), presses.press('p', 5100)]).toEqual([null, 'probe'])
  for (const { does } of SHORTCUTS) expect(en.keys[does]).toBeTruthy()
})

test('the palette understands edgectl’s sentence, ids and names', () => {
  expect(probeSentence('ping example.com from carrier:ct -node:a')).toBe('/new?service=ping&target=example.com&from=carrier%3Act+-node%3Aa')
  expect(probeSentence('ping')).toBeNull()
  const id = `run_${'0'.repeat(26)}`
  expect(commandsFor(id, en, [])[0]?.to).toBe(`/runs/${id}`)
  expect(commandsFor('gz', en, ['gz-1', 'bj-1']).map((one) => one.to)).toEqual(['/nodes/gz-1'])
  expect(commandsFor('<script>', en, [])).toEqual([])
})

test('bars stand on a round scale, and a lost packet is as high as it', () => {
  expect([1, 20_100, 12_000, 99].map(roundUp)).toEqual([1, 25_000, 15_000, 100])
  const { bars, height } = pingBars([10_000, null, 0])
  expect(bars.map((bar) => [bar.lost, bar.height])).toEqual([[false, height], [true, height], [false, 2]])
  expect(pingBars([]).bars).toEqual([])
})

test('phases follow one another over all requests', () => {
  const { rows, total_us } = waterfall([{ connect_us: 300, tls_us: 'x', transfer_us: -5 }, { first_byte_us: 700 }])
  expect(total_us).toBe(1000)
  expect(rows.map((row) => row.map((part) => [part.phase, part.x, part.width]))).toEqual([[['connect', 0, 300]], [['first_byte', 300, 700]]])
  expect(waterfall([{}]).rows).toEqual([[]])
})

test('both languages say everything, and Chinese is not English left over', () => {
  const same: string[] = []
  const walk = (a: object, b: object, at: string) => {
    for (const [key, value] of Object.entries(a)) {
      const other = (b as Record<string, unknown>)[key]
      if (typeof value === 'object') walk(value, other as object, `${at}${key}.`)
      else if (typeof value === 'string' && value === other && /[a-z]{5}/.test(value)) same.push(at + key)
    }
  }
  walk(en, zh, '')
  expect(same).toEqual(['nodes.search', 'lines.search', 'webhooks.selectorHint', 'runs.search', 'jobs.search', 'copy.edgectl']) // the grammar's own words
})
