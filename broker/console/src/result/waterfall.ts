/** Phases of HTTP requests on one time axis, one request after the other. Pure. */
import { number, type Fields } from './fields'

export const PHASES = ['resolve', 'connect', 'tls', 'first_byte', 'transfer'] as const
export type Phase = (typeof PHASES)[number]

export interface Part {
  phase: Phase
  x: number
  width: number
  us: number
}

const WIDTH = 1000
const NARROWEST = 2

export function waterfall(timings: readonly Fields[]): { rows: Part[][]; total_us: number } {
  const phases = timings.map((one) => PHASES.flatMap((phase) => {
    const us = number(one[`${phase}_us`])
    return us === null || us < 0 ? [] : [{ phase, us }]
  }))
  const total = phases.flat().reduce((sum, one) => sum + one.us, 0)
  let at = 0
  const rows = phases.map((parts) =>
    parts.map(({ phase, us }): Part => {
      const part = { phase, us, x: total ? (at / total) * WIDTH : 0, width: total ? Math.max(NARROWEST, (us / total) * WIDTH) : 0 }
      at += us
      return part
    }),
  )
  return { rows, total_us: total }
}
