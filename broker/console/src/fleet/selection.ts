/** How many lines a selector names, asked while it is typed: the last answer stays until the next is there. */
import { onScopeDispose, shallowRef, watch, type Ref } from 'vue'

import { api, Problem } from '../api/client'

export interface Selection {
  lines: number
  nodes: number
  connected_nodes: number
  reason?: string
}

const PAUSE_MS = 150

export function useSelection(selector: Ref<string>, service: Ref<string>) {
  const selection = shallowRef<Selection | null>(null)
  const wrong = shallowRef('')
  let timer = 0
  let asked: AbortController | null = null

  async function ask() {
    asked?.abort()
    const mine = new AbortController()
    asked = mine
    const text = selector.value.trim()
    if (!text) {
      selection.value = null
      wrong.value = ''
      return
    }
    try {
      selection.value = await api.get<Selection>('/api/v1/selection', { q: text, service: service.value }, mine.signal)
      wrong.value = ''
    } catch (failed) {
      if (mine.signal.aborted) return
      selection.value = null
      wrong.value = failed instanceof Problem && (failed.status === 400 || failed.status === 422) ? failed.detail : ''
    }
  }

  watch([selector, service], () => {
    clearTimeout(timer)
    timer = window.setTimeout(ask, PAUSE_MS)
  })
  void ask()
  onScopeDispose(() => {
    clearTimeout(timer)
    asked?.abort()
  })
  return { selection, wrong }
}
