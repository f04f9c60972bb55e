/** Numbers and times as people read them. Integers in, text out. Pure but for the clock's locale. */

/** Three significant digits and a unit: 812 µs, 12.2 ms, 1.04 s. */
export function duration(us: number | null | undefined): string {
  if (us === null || us === undefined || !Number.isFinite(us)) return '–'
  if (us < 1000) return `${Math.round(us)} µs`
  const [value, unit] = us < 999_500 ? [us / 1000, 'ms'] : [us / 1_000_000, 's']
  return `${value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0)} ${unit}`
}

export function bytes(count: number | null | undefined): string {
  if (count === null || count === undefined || !Number.isFinite(count)) return '–'
  if (count < 1024) return `${count} B`
  const units = ['KiB', 'MiB', 'GiB', 'TiB']
  let value = count
  let unit = -1
  do {
    value /= 1024
    unit += 1
  } while (value >= 1023.5 && unit < units.length - 1)
  return `${value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0)} ${units[unit]}`
}

export function percent(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–'
  return `${value === 0 || value === 100 || value >= 10 ? Math.round(value * 10) / 10 : value.toFixed(value < 1 ? 2 : 1)} %`
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
]

// To make a formatter takes many times what it takes to use one, and a list has hundreds of times.
const relative = new Map<string, Intl.RelativeTimeFormat>()
const exact = new Intl.DateTimeFormat('en-CA', {
  year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit',
  fractionalSecondDigits: 3, hourCycle: 'h23', timeZoneName: 'short',
})

/** "3 minutes ago", of two instants in milliseconds. */
export function ago(then: number, now: number, language: string): string {
  const seconds = Math.round((then - now) / 1000)
  let format = relative.get(language)
  if (!format) relative.set(language, (format = new Intl.RelativeTimeFormat(language, { numeric: 'auto', style: 'short' })))
  const [unit, size] = STEPS.find(([, size]) => Math.abs(seconds) >= size) ?? STEPS[3]!
  return format.format(Math.trunc(seconds / size), unit)
}

/** 2026-11-28 23:38:57.849 UTC, in the browser's zone: the same in every language, and it sorts. */
export function absolute(then: number): string {
  if (!Number.isFinite(then)) return '–'
  return exact.format(then).replace(', ', ' ')
}
