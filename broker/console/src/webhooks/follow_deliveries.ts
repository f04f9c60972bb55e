/** A webhook's deliveries as the address filters them, read page by page and followed by the stream. */
import { computed, shallowRef } from 'vue'
import { useRoute } from 'vue-router'

import type { Delivery } from '../api/client'
import { useFollowed } from '../parts/following'
import { usePages } from '../parts/pages'
import { rangeOf, within } from './time_range'

const PAGE = 50
export const STATES: Delivery['state'][] = ['pending', 'delivered', 'failed']

export function useDeliveries(webhook: string, changed: (delivery: Delivery) => void) {
  const route = useRoute()
  const state = computed(() => STATES.find((one) => one === route.query['state']))
  const range = computed(() => rangeOf(route.query))
  const path = `/api/v1/webhooks/${encodeURIComponent(webhook)}/deliveries`
  const query = () => ({ state: state.value, since_ms: range.value.since ?? undefined, until_ms: range.value.until ?? undefined, limit: PAGE })
  const { items, next, more, problem, busy, again, answer } = usePages<Delivery>(path, query, 'later')

  const isFollowed = shallowRef(true)
  useFollowed('deliveries', { busy, again() {
    isFollowed.value = true
    return again()
  } }, {
    event(name, data) {
      if (name !== 'delivery') return
      const told = data as Delivery
      // Rows keep their places: what no longer matches leaves when the list is asked again.
      if (items.value.some((one) => one.id === told.id)) items.value = items.value.map((one) => (one.id === told.id ? told : one))
      else if ((!state.value || told.state === state.value) && within(told.created_at, range.value) && told.id > (items.value[0]?.id ?? '')) items.value = [told, ...items.value]
      changed(told)
    },
    end: () => (isFollowed.value = false),
  }, webhook)
  return { items, next, more, state, range, isFollowed, problem, again, answer }
}
