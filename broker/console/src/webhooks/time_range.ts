/** A range of time as the address has it (`since=2026-11-29T01:05Z`), as a field has it (local time), and as the API takes it. Pure. */
export interface TimeRange {
  since: number | null
  until: number | null
}

const MINUTE_MS = 60_000

function instant(text: unknown): number | null {
  const ms = typeof text === 'string' ? Date.parse(text) : NaN
  return Number.isFinite(ms) && ms >= 0 ? ms : null
}

export const rangeOf = (query: Record<string, unknown>): TimeRange => ({ since: instant(query['since']), until: instant(query['until']) })

export function inAddress(ms: number | null): string | undefined {
  return ms === null ? undefined : `${new Date(ms).toISOString().slice(0, 16)}Z`
}

/** What `<input type="datetime-local">` shows and gives, without a zone: the browser's own. */
export function inField(ms: number | null): string {
  return ms === null ? '' : new Date(ms - new Date(ms).getTimezoneOffset() * MINUTE_MS).toISOString().slice(0, 16)
}
export const fromField = (text: string): number | null => instant(text)

export function within(at: string, { since, until }: TimeRange): boolean {
  const ms = Date.parse(at)
  return (since === null || ms >= since) && (until === null || ms < until)
}
