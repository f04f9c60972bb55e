import { api } from '../api/client'
import { useFollowed } from '../parts/following'
import { useAnswer } from '../parts/loading'
import type { Overview } from './overview'

/** The overview by REST at once, and by the stream from then on. */
export function useOverview() {
  const { answer, problem, busy, again } = useAnswer((signal) => api.get<Overview>('/api/v1/overview', {}, signal), () => 0, 'later')
  useFollowed('overview', { busy, again }, {
    event: (name, data) => {
      if (name === 'overview') answer.value = data as Overview
    },
  })
  return { overview: answer, problem, again }
}
