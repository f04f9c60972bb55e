/** A webhook's deliveries as the address filters them, read page by page and followed by the stream. */
import { computed, shallowRef } from 'vue'
import { useRoute } from 'vue-router'

import { api, type Delivery, type Page } from '../api/client'
import { useFollowed } from '../parts/following'
import { useAnswer } from '../parts/loading'
import { rangeOf, within } from './time_range'

const PAGE = 50
export const STATES: Delivery['state'][] = ['pending', 'delivered', 'failed']

export function useDeliveries(webhook: string, changed: (delivery: Delivery) => void) {
  const route = useRoute()
  const state = computed(() => STATES.find((one) => one === route.query['state']))
  const range = computed(() => rangeOf(route.query))
  const items = shallowRef<Delivery[]>([])
  const next = shallowRef<string | undefined>()
  const path = `/api/v1/webhooks/${encodeURIComponent(webhook)}/deliveries`
  const query = () => ({ state: state.value, since_ms: range.value.since ?? undefined, until_ms: range.value.until ?? undefined, limit: PAGE })
  const asked = computed(() => JSON.stringify(query()))

  const { problem, busy, again, answer } = useAnswer(async (signal) => {
    const page = await api.get<Page<Delivery>>(path, query(), signal)
    items.value = page.items
    next.value = page.next_cursor
    return page
  }, asked, 'later')

  async function more() {
    if (!next.value) return
    const [before, page] = [asked.value, await api.get<Page<Delivery>>(path, { ...query(), cursor: next.value })]
    if (before !== asked.value) return
    items.value = [...items.value, ...page.items]
    next.value = page.next_cursor
  }

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
