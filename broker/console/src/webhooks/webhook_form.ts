/** A webhook as the form has it and as the API takes it; how it stands, in a word. Pure. */
import type { EventType, Webhook } from '../api/client'

/** A test message is sent when asked for, whatever a webhook wants. */
export const EVENTS: EventType[] = [
  'io.edge.result.v1',
  'io.edge.run.finished.v1',
  'io.edge.node.state_changed.v1',
  'io.edge.line.state_changed.v1',
  'io.edge.node.enrolled.v1',
  'io.edge.webhook.disabled.v1',
]

export interface WebhookForm {
  url: string
  description: string
  /** None: all. */
  events: EventType[]
  selector: string
}

export const emptyForm = (): WebhookForm => ({ url: '', description: '', events: [], selector: '' })
export const formOf = ({ url, description, events, selector }: Webhook): WebhookForm => ({ url, description, events: [...events], selector })

export function bodyOf(form: WebhookForm): WebhookForm {
  return { url: form.url.trim(), description: form.description.trim(), events: [...EVENTS.filter((one) => form.events.includes(one)), ...form.events.filter((one) => !EVENTS.includes(one))], selector: form.selector.trim() }
}

export function standing(webhook: Pick<Webhook, 'enabled' | 'failing_since'>): 'enabled' | 'failing' | 'disabled' {
  if (!webhook.enabled) return 'disabled'
  return webhook.failing_since ? 'failing' : 'enabled'
}
