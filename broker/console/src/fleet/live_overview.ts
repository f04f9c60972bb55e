import { onScopeDispose, shallowRef } from 'vue'

import { api } from '../api/client'
import { live } from '../api/live'
import { useAnswer } from '../parts/loading'
import type { Overview } from './overview'

/** The overview by REST at once, and by the stream from then on. */
export function useOverview() {
  const told = shallowRef<Overview | null>(null)
  const asked = useAnswer(async (signal) => (told.value = await api.get<Overview>('/api/v1/overview', {}, signal)), () => 0)
  let fresh = true
  const leave = live.subscribe('overview', {
    event: (name, data) => {
      if (name === 'overview') told.value = data as Overview
    },
    // The first answer is on its way already.
    reset: () => (fresh ? (fresh = false) : void asked.again()),
  })
  onScopeDispose(leave)
  return { overview: told, problem: asked.problem, again: asked.again }
}
