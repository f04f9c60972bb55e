/**
 * What is read by REST and followed by the stream: subscribed to first and read then, anew whenever something was missed, and what
 * comes while it is being read is told after it; where that is too much to hold, it is read once again. So nothing falls between the two.
 */
import { onScopeDispose, watch, type Ref } from 'vue'

import { live } from '../api/live'

const PATIENCE_MS = 300
export const MOST_HELD = 1_000

export interface Reading {
  busy: Ref<boolean>
  again(): unknown
}

export interface Follower {
  event(name: string, data: unknown): void
  /** As of a `Subscriber`: where it is refused for now only, `again` is called when it begins. */
  end?(problem?: unknown): void
}

export function useFollowed(topic: string, reading: Reading, follower: Follower, key?: string) {
  let held: [string, unknown][] = []
  let begun = false
  let tooMany = false
  function hold(name: string, data: unknown) {
    tooMany ||= held.length >= MOST_HELD
    if (tooMany) held = []
    else held.push([name, data])
  }
  function read() {
    clearTimeout(timer)
    begun = true
    held = [] // older than what is read now
    tooMany = false
    void reading.again()
  }
  // A broker that cannot be followed now can perhaps be read.
  const timer = setTimeout(read, live.status.value.state === 'waiting' ? 0 : PATIENCE_MS)
  const leave = live.subscribe(
    topic,
    {
      event: (name, data) => (reading.busy.value || !begun ? hold(name, data) : follower.event(name, data)),
      reset: read,
      end(problem) {
        if (!begun) read()
        follower.end?.(problem)
      },
    },
    key,
  )
  watch(reading.busy, (busy) => {
    if (busy) return
    if (tooMany) return read()
    const told = held
    held = []
    for (const [name, data] of told) follower.event(name, data)
  }, { flush: 'sync' })
  onScopeDispose(() => {
    clearTimeout(timer)
    leave()
  })
}
