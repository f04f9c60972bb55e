/** A result's detail is what a node wrote: any JSON at all. These read it without believing it. Pure. */
export type Fields = Record<string, unknown>

export function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
}
export function list(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map(fields) : []
}
export function text(value: unknown): string | null {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : null
}
export function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}
export function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.flatMap((one) => text(one) ?? []) : []
}

const MOST_SHOWN = 2000

/**
 * Control characters, marks that turn the direction of text, and lone surrogates, each as what it is; and not more than a
 * reader or a layout can take.
 */
export function visible(value: string, { most = MOST_SHOWN }: { most?: number } = {}): string {
  const cut = value.length > most ? `${value.slice(0, most)}… (+${value.length - most})` : value
  return cut.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, (char) => `\\u{${char.charCodeAt(0).toString(16)}}`)
}
