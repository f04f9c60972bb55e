/** The overview's answer, and its cells as tiles. Pure. */
import { provinceOf, PROVINCES, type Province } from './provinces'

export interface Cell {
  province: string
  carrier: string
  lines: number
  up: number
  degraded: number
  down: number
  unknown: number
  rtt_us: number | null
  loss_permille: number | null
}

export interface Overview {
  nodes: { total: number; connected: number; disconnected: number; enrolled: number; pending: number; locked: number; revoked: number; busy: number }
  lines: { total: number; up: number; degraded: number; down: number; unknown: number; disabled: number; draining: number }
  runs: { running: number }
  results: { total: number; per_s: number }
  cells: Cell[]
}

export type Metric = 'state' | 'rtt' | 'loss'
export const METRICS: Metric[] = ['state', 'rtt', 'loss']

export interface Tile {
  province: Province
  cells: Cell[]
}

const CARRIERS = ['ct', 'cu', 'cm', 'cbn', 'edu', 'bgp', 'overseas']
const place = (carrier: string) => (CARRIERS.indexOf(carrier) + 1 || CARRIERS.length + 1)
const byCarrier = (a: Cell, b: Cell) => place(a.carrier) - place(b.carrier) || (a.carrier < b.carrier ? -1 : 1)

/** Every province, with its cells where it has some; and the cells that no tile is for. */
export function tilesOf(cells: readonly Cell[]): { tiles: Tile[]; elsewhere: Cell[] } {
  const of = new Map<string, Cell[]>(PROVINCES.map((one) => [one.id, []]))
  const elsewhere: Cell[] = []
  for (const cell of cells) (of.get(provinceOf(cell.province)?.id ?? '') ?? elsewhere).push(cell)
  return { tiles: PROVINCES.map((province) => ({ province, cells: of.get(province.id)!.sort(byCarrier) })), elsewhere: elsewhere.sort(byCarrier) }
}

/** The worst of it, so that one line that is down is not hidden by ten that are up; with a share where it is not all. */
export function stateOf(cell: Pick<Cell, 'lines' | 'up' | 'degraded' | 'down' | 'unknown'>): string {
  if (cell.down > 0) return 'down'
  if (cell.degraded > 0) return 'degraded'
  if (cell.up > 0) return 'up'
  return 'unknown'
}

const RTT_STEPS_US = [20_000, 50_000, 100_000, 200_000]
const LOSS_STEPS_PERMILLE = [1, 10, 50, 200]

/** 0 (best) to 4, or null where there is no figure. */
export function stepOf(cell: Cell, metric: 'rtt' | 'loss'): number | null {
  const [value, steps] = metric === 'rtt' ? [cell.rtt_us, RTT_STEPS_US] : [cell.loss_permille, LOSS_STEPS_PERMILLE]
  if (value === null || value === undefined) return null
  const step = steps.findIndex((limit) => value < limit)
  return step < 0 ? steps.length : step
}

/** A selector's term for a cell's lines. */
export function selectorOf(cell: Pick<Cell, 'province' | 'carrier'>): string {
  return [cell.province ? `province:${cell.province}` : '', cell.carrier ? `carrier:${cell.carrier}` : ''].filter(Boolean).join(' ')
}
