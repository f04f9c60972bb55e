/** How a state looks: a tone and a shape, so that no state is told by its colour alone. */
export type Shape = 'circle' | 'triangle' | 'square' | 'hatched' | 'ring' | 'half' | 'bars'
export type Tone = 'good' | 'warn' | 'bad' | 'idle' | 'busy'

const LOOKS: Record<string, [Shape, Tone]> = {
  up: ['circle', 'good'], connected: ['circle', 'good'], succeeded: ['circle', 'good'], ok: ['circle', 'good'], finished: ['circle', 'good'], enabled: ['circle', 'good'], active: ['circle', 'good'], delivered: ['circle', 'good'],
  degraded: ['triangle', 'warn'], partial: ['triangle', 'warn'], draining: ['triangle', 'warn'], failing: ['triangle', 'warn'],
  down: ['square', 'bad'], failed: ['square', 'bad'], timed_out: ['square', 'bad'], lost: ['square', 'bad'], locked: ['square', 'bad'], refused: ['square', 'bad'],
  stale: ['hatched', 'idle'], disconnected: ['hatched', 'idle'],
  unknown: ['ring', 'idle'], queued: ['ring', 'idle'], enrolled: ['ring', 'idle'], pending: ['ring', 'idle'],
  running: ['half', 'busy'], leased: ['half', 'busy'],
  disabled: ['bars', 'idle'], paused: ['bars', 'idle'], deleted: ['bars', 'idle'], canceled: ['bars', 'idle'], expired: ['bars', 'idle'], revoked: ['bars', 'idle'],
}

export function looksOf(state: string): { shape: Shape; tone: Tone } {
  const [shape, tone] = LOOKS[state] ?? ['ring', 'idle']
  return { shape, tone }
}
