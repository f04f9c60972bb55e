/**
 * Selectors that name exactly some of a run's lines, those that failed. A selector has no "or", so it may take several: each names
 * a part, no two the same line. Pure.
 */
export interface LineOfRun {
  node: string
  line: string
  carrier: string
  failed: boolean
}

const KEYS = ['node', 'line', 'carrier'] as const
type Key = (typeof KEYS)[number]
// As the broker's grammar has it.
const MOST_TERMS = 64
const MOST_TEXT = 1024
/** More runs at once than a reader can follow. */
const MOST_SELECTORS = 16

const lower = (text: string) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
const sayable = (value: string) => value !== '' && !/[\s+\u0000-\u001f\u007f]/.test(value)
const same = (a: LineOfRun, b: LineOfRun, key: Key) => lower(a[key]) === lower(b[key])

/** One selector for exactly the wanted ones of all, or null. `within`: terms that all of them match. */
function tight(wanted: readonly LineOfRun[], all: readonly LineOfRun[], within: readonly string[]): string | null {
  const one = wanted[0]!
  const terms = [...within]
  const chosen = new Set(wanted)
  let others = all.filter((line) => !chosen.has(line))
  for (const key of KEYS) {
    if (!sayable(one[key]) || !wanted.every((line) => same(line, one, key))) continue
    if (key !== 'node' && others.every((line) => same(line, one, key))) continue
    terms.push(`${key}:${one[key]}`)
    others = others.filter((line) => same(line, one, key))
  }
  const kept = Object.fromEntries(KEYS.map((key) => [key, new Set(wanted.map((line) => lower(line[key])))])) as Record<Key, Set<string>>
  while (others.length) {
    const counts = new Map<string, { key: Key; line: LineOfRun; count: number }>()
    for (const line of others) {
      for (const key of KEYS) {
        if (!sayable(line[key]) || kept[key].has(lower(line[key]))) continue
        const term = `-${key}:${lower(line[key])}`
        const found = counts.get(term)
        if (found) found.count += 1
        else counts.set(term, { key, line, count: 1 })
      }
    }
    const best = [...counts.values()].reduce<{ key: Key; line: LineOfRun; count: number } | null>((most, next) => (most && most.count >= next.count ? most : next), null)
    if (!best || terms.length === MOST_TERMS) return null
    terms.push(`-${best.key}:${best.line[best.key]}`)
    others = others.filter((line) => !same(line, best.line, best.key))
  }
  const text = terms.join(' ') || 'all'
  return new TextEncoder().encode(text).length <= MOST_TEXT && terms.length <= MOST_TERMS ? text : null
}

function parts(wanted: readonly LineOfRun[], all: readonly LineOfRun[], within: readonly string[], most: number): string[] | null {
  const whole = tight(wanted, all, within)
  if (whole !== null) return [whole]
  let fewest: string[] | null = null
  for (const key of KEYS) {
    const groups = new Map<string, LineOfRun[]>()
    for (const line of wanted) groups.set(lower(line[key]), [...(groups.get(lower(line[key])) ?? []), line])
    if (groups.size < 2 || groups.size > most) continue
    let found: string[] | null = []
    for (const group of groups.values()) {
      const more: string[] | null = parts(group, all, within, most - found.length)
      found = more && found.length + more.length <= most ? [...found, ...more] : null
      if (!found) break
    }
    if (found && (!fewest || found.length < fewest.length)) fewest = found
  }
  return fewest
}

/**
 * For the lines of a run of `selector` that failed; empty where none did, null where no few selectors say them.
 * Of a selector with `limit:` the run's lines are not all that it names: whoever uses these asks `/api/v1/selection` how many they name.
 */
export function failedSelectors(lines: readonly LineOfRun[], selector: string): string[] | null {
  const wanted = lines.filter((line) => line.failed)
  if (!wanted.length) return []
  const within = selector.split(/[ +]+/).filter((term) => term && lower(term) !== 'all' && !lower(term).startsWith('limit:'))
  return parts(wanted, lines, within, MOST_SELECTORS)
}
