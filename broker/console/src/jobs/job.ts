/** What a job asks, read without believing that it has the form's shape: anybody with a token made it. Pure. */
import type { Job } from '../api/client'
import { OPTIONS, toQuery, type ProbeForm } from '../run/probe_form'
import { fields, text } from '../result/fields'

export const targetOf = (job: Job): string => text(fields(job.params)['target']) ?? ''

/** Options beside the target, as a name and what was said. */
export function optionsOf(job: Job): [string, string][] {
  return Object.entries(fields(job.params))
    .filter(([name]) => name !== 'target')
    .map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)])
}

/** The address of the form for another like it. What the form has no field for does not come along. */
export function formQuery(job: Job): Record<string, string> {
  const params = fields(job.params)
  const options: Record<string, string> = {}
  for (const { name } of OPTIONS[job.service]) {
    const value = params[name]
    if (['string', 'number', 'boolean'].includes(typeof value)) options[name] = String(value)
  }
  const schedule = job.schedule
  const form: ProbeForm = { service: job.service, target: targetOf(job), from: job.selector, repeat: job.repeat, options }
  if (schedule?.cron) form.when = { kind: 'cron', cron: schedule.cron, zone: schedule.zone ?? '' }
  else if (schedule?.every_ms) form.when = everyOf(schedule.every_ms)
  return toQuery(form)
}

function everyOf(ms: number): ProbeForm['when'] {
  const seconds = Math.round(ms / 1000)
  if (seconds % 3600 === 0) return { kind: 'every', count: String(seconds / 3600), unit: 'h' }
  if (seconds % 60 === 0) return { kind: 'every', count: String(seconds / 60), unit: 'm' }
  return { kind: 'every', count: String(seconds), unit: 's' }
}
