/** Where an attempt's time went: from instants since its beginning to lengths. Pure. */
import type { DeliveryAttempt } from '../api/client'

const STEPS = [['resolve', 'resolved_us'], ['connect', 'connected_us'], ['tls', 'secured_us'], ['first_byte', 'first_byte_us'], ['transfer', 'total_us']] as const
export type PhaseName = (typeof STEPS)[number][0]

export function phasesOf(times: DeliveryAttempt['times']): { name: PhaseName; us: number }[] {
  const phases: { name: PhaseName; us: number }[] = []
  let at = 0
  for (const [name, key] of STEPS) {
    const until = times[key] as number | null | undefined
    if (until === null || until === undefined) continue
    phases.push({ name, us: Math.max(0, until - at) })
    at = until
  }
  return phases
}
