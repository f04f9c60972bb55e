import { shallowRef } from 'vue'

import { api, type Session } from './client'

/** Null: signed out; undefined: not yet known. */
export const session = shallowRef<Session | null | undefined>(undefined)

export async function findSession(): Promise<void> {
  try {
    session.value = await api.get<Session>('/api/v1/session')
  } catch {
    session.value = null
  }
}

export async function signIn(by: { token: string } | { code: string }): Promise<void> {
  await api.post('/api/v1/session', by)
  await findSession()
}

export async function signOut(): Promise<void> {
  await api.delete('/api/v1/session')
  session.value = null
}

/** A path to go back to, if it is one of this console: never another host. */
export function safePath(next: unknown): string {
  return typeof next === 'string' && /^\/(?![/\\])[^\\]*$/.test(next) ? next : '/'
}

/** The code of a one-time link (`/#code=…`), taken out of the address so that it is in no history. */
export function takeCode(place: Location, history: History): string | null {
  const code = /^#code=([0-9a-z]{26})$/.exec(place.hash)?.[1] ?? null
  if (place.hash.startsWith('#code=')) history.replaceState(null, '', place.pathname + place.search)
  return code
}
