import { describe, expect, it } from 'vitest'

import { failedSelectors, type LineOfRun } from '../../src/run/failed_selectors'

const CARRIERS = { telecom: 'ct', unicom: 'cu', mobile: 'cm' } as const
function fleet(nodes: number, failed: (node: number, line: string) => boolean): LineOfRun[] {
  return Array.from({ length: nodes }, (_, n) => Object.entries(CARRIERS).map(([line, carrier]) => ({ node: `n-${n}`, line, carrier, failed: failed(n, line) }))).flat()
}

/** As the broker reads a selector of terms with keys. */
function named(selector: string, lines: readonly LineOfRun[]): LineOfRun[] {
  return lines.filter((line) => selector.split(' ').every((term) => {
    if (term === 'all') return true
    const [, negated, key, value] = /^(-?)([a-z]+):(.+)$/.exec(term)!
    return (line[key as 'node'].toLowerCase() === value!.toLowerCase()) !== (negated === '-')
  }))
}

const cases: [string, LineOfRun[], string, number][] = [
  ['all', fleet(3, () => true), 'all', 1],
  ['one line of one node', fleet(3, (n, line) => n === 1 && line === 'unicom'), 'all', 1],
  ['one node', fleet(9, (n) => n === 4), 'all', 1],
  ['one carrier', fleet(300, (_, line) => line === 'mobile'), 'all', 1],
  ['two lines of one node', fleet(9, (n, line) => n === 4 && line !== 'mobile'), 'all', 1],
  ['a carrier but for some nodes', fleet(30, (n, line) => line === 'mobile' && n > 3), 'all', 1],
  ['two lines that share nothing', fleet(300, (n, line) => (n === 1 && line === 'unicom') || (n === 7 && line === 'mobile')), 'all', 2],
  ['within what was asked', fleet(30, (n, line) => line === 'mobile' && n === 2).filter((line) => line.carrier === 'cm'), 'carrier:cm', 1],
  ['names that differ by case', [{ node: 'A', line: 'x', carrier: 'ct', failed: true }, { node: 'b', line: 'X', carrier: 'ct', failed: false }], 'all', 1],
]

describe('selectors of what failed', () => {
  it.each(cases)('%s', (_, lines, selector, most) => {
    const found = failedSelectors(lines, selector)!
    expect(found.length).toBeLessThanOrEqual(most)
    expect(found.flatMap((one) => named(one, lines))).toHaveLength(lines.filter((line) => line.failed).length)
    expect(new Set(found.flatMap((one) => named(one, lines)))).toEqual(new Set(lines.filter((line) => line.failed)))
    for (const one of found) expect(one.split(' ').length).toBeLessThanOrEqual(64)
  })

  it('every pattern of three nodes', () => {
    for (let bits = 1; bits < 512; bits++) {
      let at = 0
      const lines = fleet(3, () => ((bits >> at++) & 1) === 1)
      const found = failedSelectors(lines, 'all')!
      const all = found.flatMap((one) => named(one, lines))
      expect(all).toHaveLength(new Set(all).size)
      expect(new Set(all)).toEqual(new Set(lines.filter((line) => line.failed)))
    }
  })

  it('none, and too many to say', () => {
    expect(failedSelectors(fleet(3, () => false), 'all')).toEqual([])
    expect(failedSelectors(fleet(300, (n) => n % 2 === 0), 'all')).toBeNull()
  })

  it('keeps the terms it was asked by, but for the limit', () => {
    expect(failedSelectors(fleet(1, (_, line) => line === 'mobile'), 'tier:core+limit:5 ALL')).toEqual(['tier:core node:n-0 line:mobile'])
  })

  it('a name that no selector can say is none', () => {
    expect(failedSelectors([{ node: 'a b', line: 'x', carrier: 'ct', failed: true }, { node: 'c', line: 'x', carrier: 'ct', failed: false }], 'all')).toEqual(['-node:c'])
    expect(failedSelectors([{ node: 'a b', line: 'x', carrier: 'ct', failed: true }, { node: 'c d', line: 'x', carrier: 'ct', failed: false }], 'all')).toBeNull()
  })
})
