/** Round-trip times as bars of one drawing: a lost packet is a bar of the whole height. Pure. */
export interface Bar {
  x: number
  y: number
  width: number
  height: number
  us: number
  lost: boolean
}

const WIDTH = 1000
const HEIGHT = 160
const WIDEST = 32

/** The next round number: half of it is one, too. */
export function roundUp(us: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, us)))
  return ([1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((step) => step * power >= us) ?? 10) * power
}

export function pingBars(rtts: readonly (number | null)[]) {
  const top = roundUp(Math.max(1, ...rtts.map((us) => us ?? 0)))
  const step = Math.min(WIDEST, WIDTH / Math.max(1, rtts.length))
  const width = step * 0.64
  const bars = rtts.map((us, i): Bar => {
    const height = us === null ? HEIGHT : Math.max(2, (us / top) * HEIGHT)
    return { x: i * step, y: HEIGHT - height, width, height, us: us ?? 0, lost: us === null }
  })
  const grid = [
    { y: 0.5, us: top, place: 'top' },
    { y: HEIGHT / 2, us: top / 2, place: 'middle' },
    { y: HEIGHT - 0.5, us: 0, place: 'bottom' },
  ]
  return { width: WIDTH, height: HEIGHT, bars, grid }
}
