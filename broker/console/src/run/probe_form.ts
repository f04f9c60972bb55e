/** A probe as the form has it, as the address has it, as the API takes it, and as a line for a shell. Pure. */
import type { JobRequest, Schedule, Service } from '../api/client'

/** Options beside the target, by service: name, kind, bounds and default as the API has them. */
export type Option =
  | { name: string; kind: 'number'; min: number; max: number; standard: number; label: OptionLabel }
  | { name: string; kind: 'choice'; choices: string[]; standard: string; label: OptionLabel }
  | { name: string; kind: 'text'; standard: ''; label: OptionLabel; hint?: OptionLabel }
  | { name: string; kind: 'yes'; standard: boolean; label: OptionLabel }
export type OptionLabel =
  | 'count' | 'interval' | 'size' | 'timeout' | 'family' | 'type' | 'transport' | 'server' | 'serverHint' | 'method' | 'redirects' | 'verify' | 'keepBody' | 'connectTo' | 'connectToHint'

export const OPTIONS: Record<Service, Option[]> = {
  ping: [
    { name: 'count', kind: 'number', min: 1, max: 1000, standard: 4, label: 'count' },
    { name: 'interval_ms', kind: 'number', min: 10, max: 60000, standard: 200, label: 'interval' },
    { name: 'size', kind: 'number', min: 16, max: 1400, standard: 56, label: 'size' },
    { name: 'timeout_ms', kind: 'number', min: 1, max: 60000, standard: 2000, label: 'timeout' },
    { name: 'family', kind: 'choice', choices: ['any', 'v4', 'v6'], standard: 'any', label: 'family' },
  ],
  dns: [
    { name: 'type', kind: 'text', standard: '', label: 'type' },
    { name: 'transport', kind: 'choice', choices: ['udp', 'tcp'], standard: 'udp', label: 'transport' },
    { name: 'server', kind: 'text', standard: '', label: 'server', hint: 'serverHint' },
    { name: 'timeout_ms', kind: 'number', min: 1, max: 60000, standard: 3000, label: 'timeout' },
  ],
  http: [
    { name: 'method', kind: 'choice', choices: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'], standard: 'GET', label: 'method' },
    { name: 'redirects', kind: 'number', min: 0, max: 10, standard: 0, label: 'redirects' },
    { name: 'keep_body_bytes', kind: 'number', min: 0, max: 65536, standard: 0, label: 'keepBody' },
    { name: 'timeout_ms', kind: 'number', min: 1, max: 120000, standard: 10000, label: 'timeout' },
    { name: 'connect_to', kind: 'text', standard: '', label: 'connectTo', hint: 'connectToHint' },
    { name: 'family', kind: 'choice', choices: ['any', 'v4', 'v6'], standard: 'any', label: 'family' },
    { name: 'verify', kind: 'yes', standard: true, label: 'verify' },
  ],
}

export interface ProbeForm {
  service: Service
  target: string
  from: string
  repeat: number
  /** Only what differs from the default. */
  options: Record<string, string>
  /** Absent: once. */
  when?: When
}

/** As it is typed; what is wrong with it the API says, but for what is no number. */
export type When = { kind: 'every'; count: string; unit: Unit } | { kind: 'cron'; cron: string; zone: string }
export type Unit = 's' | 'm' | 'h'
export const UNITS: Record<Unit, number> = { s: 1000, m: 60_000, h: 3_600_000 }

export const SERVICES: Service[] = ['ping', 'dns', 'http']

type Query = Record<string, unknown>
const one = (value: unknown) => (typeof value === 'string' ? value : '')

export function fromQuery(query: Query): ProbeForm {
  const service = SERVICES.find((name) => name === query['service']) ?? 'ping'
  const options: Record<string, string> = {}
  for (const { name } of OPTIONS[service]) if (one(query[name])) options[name] = one(query[name])
  const repeat = Number(one(query['repeat']) || 1)
  const when = whenOf(query)
  return { service, target: one(query['target']), from: query['from'] === undefined ? 'all' : one(query['from']), repeat: Number.isInteger(repeat) && repeat > 0 ? repeat : 1, options, ...(when ? { when } : {}) }
}

/** `every=5m`, as edgectl has it, or `cron=…&zone=…`. */
function whenOf(query: Query): When | undefined {
  const every = /^(.*?)([smh]?)$/.exec(one(query['every']))
  if (query['every'] !== undefined && every) return { kind: 'every', count: every[1]!, unit: (every[2] || 's') as Unit }
  if (query['cron'] !== undefined) return { kind: 'cron', cron: one(query['cron']), zone: one(query['zone']) }
  return undefined
}

function whenQuery(when: When | undefined): Record<string, string> {
  if (when?.kind === 'every') return { every: `${when.count}${when.unit}` }
  if (when?.kind === 'cron') return { cron: when.cron, ...(when.zone ? { zone: when.zone } : {}) }
  return {}
}

/** null: it says none yet. */
export function scheduleOf(when: When): Schedule | null {
  if (when.kind === 'every') {
    const count = Number(when.count)
    return Number.isInteger(count) && count > 0 ? { every_ms: count * UNITS[when.unit] } : null
  }
  const cron = when.cron.trim()
  const zone = when.zone.trim()
  return cron ? { cron, ...(zone ? { zone } : {}) } : null
}

export function toQuery(form: ProbeForm): Record<string, string> {
  const query: Record<string, string> = { service: form.service }
  if (form.target) query['target'] = form.target
  if (form.from !== 'all') query['from'] = form.from
  if (form.repeat !== 1) query['repeat'] = String(form.repeat)
  return { ...query, ...said(form), ...whenQuery(form.when) }
}

/** The options that say something of their own. */
function said(form: ProbeForm): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const option of OPTIONS[form.service]) {
    const value = (form.options[option.name] ?? '').trim()
    if (value && value !== String(option.standard)) kept[option.name] = value
  }
  return kept
}

export function toJob(form: ProbeForm): JobRequest {
  const params: Record<string, unknown> = { target: form.target.trim() }
  const schedule = form.when && scheduleOf(form.when)
  const chosen = said(form)
  for (const option of OPTIONS[form.service]) {
    const value = chosen[option.name]
    if (value === undefined) continue
    params[option.name] = option.kind === 'number' ? Number(value) : option.kind === 'yes' ? value === 'true' : value
  }
  return {
    service: form.service,
    params: params as JobRequest['params'],
    selector: form.from.trim(),
    ...(form.repeat === 1 ? {} : { repeat: form.repeat }),
    ...(schedule ? { schedule } : {}),
  } as JobRequest
}

/** For a shell: whatever is in it stays one word. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

export function asCurl(form: ProbeForm, origin: string): string {
  return `curl -X POST ${quoted(`${origin}/api/v1/jobs`)} -H "Authorization: Bearer $EDGE_TOKEN" -H 'Content-Type: application/json'${form.when ? '' : " -H 'Prefer: wait=60'"} -d ${quoted(JSON.stringify(toJob(form)))}`
}

function whenFlags(when: When | undefined): string[] {
  if (when?.kind === 'every') return [`--every ${quoted(`${when.count}${when.unit}`)}`]
  if (when?.kind === 'cron') return [`--cron ${quoted(when.cron.trim())}`, ...(when.zone.trim() ? [`--zone ${quoted(when.zone.trim())}`] : [])]
  return []
}

/** As edgectl takes it: an option's flag is its name with dashes, and the selector is words. */
export function asEdgectl(form: ProbeForm): string {
  const flags = Object.entries(said(form)).map(([name, value]) => (name === 'verify' ? '--no-verify' : `--${name.replaceAll('_', '-')} ${quoted(value)}`))
  const from = form.from.trim().split(/[\s+]+/).map(quoted)
  return ['edgectl', form.service, quoted(form.target.trim()), 'from', ...from, ...(form.repeat === 1 ? [] : [`--repeat ${form.repeat}`]), ...flags, ...whenFlags(form.when)].join(' ')
}
