/** The public API, as the browser asks it: same origin, the session's cookie, problems as errors. */
import type { components } from '../../.types/openapi'

type Schemas = components['schemas']
export type Run = Schemas['Run']
export type RunIntroduction = Schemas['RunIntroduction']
/** What a probe says, and its detail, are what a node wrote: `result/fields.ts` reads them. */
export type RunProgress = Omit<Schemas['RunProgress'], 'data'> & { data: unknown }
export type Task = Schemas['Task']
export type TaskState = Schemas['TaskState']
export type Result = Omit<Schemas['Result'], 'detail'> & { detail: unknown }
export type Node = Schemas['Node']
export type Line = Schemas['Line']
export type NodeLine = Schemas['NodeLine']
export type NodeEvent = Schemas['NodeEvent']
export type NodeUsage = Schemas['NodeUsage']
export type Session = Schemas['Session']
export type Service = Schemas['Service']
export type JobRequest = Schemas['JobRequest']
/** What has a default need not be said. */
export type Schedule = Partial<Schemas['Schedule']>
export type Job = Omit<Schemas['Job'], 'schedule' | 'params'> & { schedule?: Schedule; params: unknown }
export type EventType = Schemas['EventType']
export type Webhook = Schemas['Webhook']
export type WebhookMade = Schemas['WebhookMade']
export type Delivery = Schemas['Delivery']
export type DeliveryAttempt = Schemas['DeliveryAttempt']
export type DeliveryDetail = Schemas['DeliveryDetail']
type ProblemBody = Schemas['Problem']
export type ProblemCode = ProblemBody['code']

export interface Page<T> {
  items: T[]
  next_cursor?: string
  total?: number
}

/** An answer of 400 and above, or none at all (status 0). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly requestId: string,
    readonly pointers: { pointer: string; message: string }[] = [],
  ) {
    super(detail || title)
  }
}

let signedOut: () => void = () => {}
/** Called when the broker does not know this browser (any more). */
export function onSignedOut(callback: () => void) {
  signedOut = callback
}

export type Query = Record<string, string | number | undefined>

export function pathWith(path: string, query: Query = {}): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== '') search.set(name, String(value))
  const text = search.toString()
  return text ? `${path}?${text}` : path
}

/** The answer, if it is a good one; else its problem is thrown. */
async function answerTo(path: string, how: RequestInit): Promise<Response> {
  let response: Response
  try {
    response = await fetch(path, { credentials: 'same-origin', ...how })
  } catch (failed) {
    if (how.signal?.aborted) throw failed
    throw new Problem(0, 'unreachable', '', '', '')
  }
  if (response.ok) return response
  const told = (await response.json().catch(() => ({}))) as Partial<ProblemBody>
  const problem = new Problem(
    response.status,
    told.code ?? 'internal',
    told.title ?? response.statusText,
    told.detail ?? '',
    told.request_id ?? response.headers.get('X-Request-Id') ?? '',
    told.errors ?? [],
  )
  if (response.status === 401 && !path.endsWith('/session')) signedOut()
  throw problem
}

async function ask<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const response = await answerTo(path, {
    method,
    ...(body === undefined ? {} : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
    ...(signal ? { signal } : {}),
  })
  return (response.status === 204 ? undefined : await response.json()) as T
}

export const api = {
  get: <T>(path: string, query?: Query, signal?: AbortSignal) => ask<T>('GET', pathWith(path, query), undefined, signal),
  /** As another type than JSON, for a file. */
  file: async (path: string, query: Query, type: string) => (await answerTo(pathWith(path, query), { headers: { Accept: type } })).blob(),
  post: <T>(path: string, body: unknown = undefined) => ask<T>('POST', path, body),
  patch: <T>(path: string, body: unknown) => ask<T>('PATCH', path, body),
  delete: <T>(path: string) => ask<T>('DELETE', path),
}
