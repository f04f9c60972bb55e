/** A list that the server gives page by page: the first as `useAnswer` asks, others added at the end. */
import { computed, shallowRef } from 'vue'

import { api, type Page, type Query } from '../api/client'
import { useAnswer } from './loading'

export function usePages<T>(path: string, query: () => Query, first: 'now' | 'later' = 'now') {
  const items = shallowRef<T[]>([])
  const next = shallowRef<string | undefined>()
  const total = shallowRef<number | undefined>()
  const asked = computed(() => JSON.stringify(query()))

  const { problem, busy, again, answer } = useAnswer(async (signal) => {
    const page = await api.get<Page<T>>(path, query(), signal)
    items.value = page.items
    next.value = page.next_cursor
    total.value = page.total
    return page
  }, asked, first)

  async function more() {
    const cursor = next.value
    if (!cursor) return
    const page = await api.get<Page<T>>(path, { ...query(), cursor })
    if (next.value !== cursor) return // another list by now
    items.value = [...items.value, ...page.items]
    next.value = page.next_cursor
  }
  return { items, next, total, more, problem, busy, again, answer }
}
