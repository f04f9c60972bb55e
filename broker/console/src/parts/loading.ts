/** Asks, keeps the last answer while it asks again, and drops answers that were overtaken. `later`: the first time is for the caller to say. */
import { onScopeDispose, shallowRef, watch, type WatchSource } from 'vue'

export function useAnswer<T>(ask: (signal: AbortSignal) => Promise<T>, when: WatchSource | WatchSource[], first: 'now' | 'later' = 'now') {
  const answer = shallowRef<T | null>(null)
  const problem = shallowRef<unknown>(null)
  const busy = shallowRef(true)
  let asked: AbortController | null = null

  async function again() {
    asked?.abort()
    const mine = new AbortController()
    asked = mine
    busy.value = true
    try {
      answer.value = await ask(mine.signal)
      problem.value = null
    } catch (failed) {
      if (!mine.signal.aborted) problem.value = failed
    } finally {
      if (asked === mine) busy.value = false
    }
  }
  watch(when, again, { immediate: first === 'now' })
  onScopeDispose(() => asked?.abort())
  return { answer, problem, busy, again }
}
