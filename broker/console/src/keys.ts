/** All shortcuts, from one table: what the sheet lists is what the keys do. Off while typing; single keys can be off for good. */
import { onScopeDispose, ref } from 'vue'

import { remember, remembered } from './remember'
import type { Words } from './words/en'

export type Action = keyof Omit<Words['keys'], 'title' | 'enabled' | 'then'>

export const SHORTCUTS: { keys: string[]; does: Action }[] = [
  { keys: ['Mod+k'], does: 'palette' },
  { keys: ['/'], does: 'search' },
  { keys: ['p'], does: 'probe' },
  { keys: ['g', 'o'], does: 'overview' },
  { keys: ['g', 'n'], does: 'nodes' },
  { keys: ['g', 'l'], does: 'lines' },
  { keys: ['g', 'r'], does: 'runs' },
  { keys: ['g', 'j'], does: 'jobs' },
  { keys: ['g', 'w'], does: 'webhooks' },
  { keys: ['j'], does: 'next' },
  { keys: ['k'], does: 'previous' },
  { keys: ['Enter'], does: 'open' },
  { keys: ['Mod+Enter'], does: 'run' },
  { keys: ['?'], does: 'help' },
]

const FIRST_OF_TWO_MS = 1000

/** Presses in, actions out. Pure: the time is an argument. */
export class Presses {
  private first: { key: string; at: number } | null = null

  /** What the press does, or nothing yet. */
  press(key: string, at: number): Action | null {
    const first = this.first && at - this.first.at < FIRST_OF_TWO_MS ? this.first.key : null
    this.first = null
    if (first) {
      const both = SHORTCUTS.find(({ keys }) => keys.length === 2 && keys[0] === first && keys[1] === key)
      if (both) return both.does
    }
    const alone = SHORTCUTS.find(({ keys }) => keys.length === 1 && keys[0] === key)
    if (alone) return alone.does
    if (SHORTCUTS.some(({ keys }) => keys.length === 2 && keys[0] === key)) this.first = { key, at }
    return null
  }
}

export const singleKeysOn = ref(remembered('keys') !== 'off')
export function setSingleKeys(on: boolean) {
  singleKeysOn.value = on
  remember('keys', on ? null : 'off')
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName))
}

/** Calls `act` with what the pressed keys do; true from it: nothing else shall come of the press. */
export function useKeys(act: (action: Action) => boolean) {
  const presses = new Presses()
  function onKey(event: KeyboardEvent) {
    if (event.defaultPrevented || event.altKey || event.isComposing) return
    const mod = event.metaKey || event.ctrlKey
    if (!mod && (isTyping(event.target) || !singleKeysOn.value)) return
    if (event.key === 'Enter' && !mod) return // a focused link or button opens itself
    const key = event.key.length === 1 && mod ? event.key.toLowerCase() : event.key // also with Caps Lock on
    const action = presses.press(mod ? `Mod+${key}` : key, event.timeStamp)
    if (action && act(action)) event.preventDefault()
  }
  window.addEventListener('keydown', onKey)
  onScopeDispose(() => window.removeEventListener('keydown', onKey))
}

/** j and k: to the next or previous row's link. */
export function moveRow(by: 1 | -1): boolean {
  const rows = [...document.querySelectorAll<HTMLElement>('tbody tr a[data-row]')]
  const at = rows.findIndex((row) => row.closest('tr')?.contains(document.activeElement))
  const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by]
  next?.focus()
  return next !== undefined
}

export function focusFilter(): boolean {
  const field = document.querySelector<HTMLInputElement>('[data-filter]')
  field?.focus()
  field?.select()
  return field !== null
}
