/** A schedule as people say it; a cron that they would not say shorter stays as it is. Pure. */
import type { Schedule } from '../api/client'
import type { Words } from '../words/en'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

const two = (text: string) => text.padStart(2, '0')
const isNumber = (text: string) => /^\d{1,2}$/.test(text)

function interval(ms: number, say: Words['jobs']['schedule']): string {
  if (ms % DAY === 0) return say.everyDays(ms / DAY)
  if (ms % HOUR === 0) return say.everyHours(ms / HOUR)
  if (ms % MINUTE === 0) return say.everyMinutes(ms / MINUTE)
  return say.everySeconds(ms / SECOND)
}

/** `mon-fri`, `1,3`: the days' names; null: something else. 0 and 7 are Sunday. */
function weekdays(field: string, language: string, and: string): string | null {
  const format = new Intl.DateTimeFormat(language, { weekday: 'short', timeZone: 'UTC' })
  const named = (text: string) => {
    const day = /^[0-7]$/.test(text) ? Number(text) % 7 : DAYS.indexOf(text.toLowerCase())
    return day < 0 ? null : format.format(Date.UTC(2023, 0, 1 + day)) // a Sunday, and the days behind it
  }
  const parts = field.split(',').map((part) => {
    const ends = part.split('-').map(named)
    return ends.length > 2 || ends.includes(null) ? null : ends.join('–')
  })
  return parts.includes(null) ? null : parts.join(and)
}

function cron(text: string, say: Words['jobs']['schedule'], language: string): string {
  const fields = text.trim().split(/\s+/)
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = fields
  if (fields.length !== 5 || month !== '*') return say.cron(text)
  const step = /^\*\/(\d{1,2})$/.exec(minute)
  const isAnyDay = day === '*' && weekday === '*'
  if (isAnyDay && hour === '*' && minute === '*') return say.everyMinutes(1)
  if (isAnyDay && hour === '*' && step && 60 % Number(step[1]) === 0) return say.everyMinutes(Number(step[1]))
  if (!isNumber(minute)) return say.cron(text)
  if (isAnyDay && hour === '*') return say.hourly(two(minute))
  if (!isNumber(hour)) return say.cron(text)
  const time = `${two(hour)}:${two(minute)}`
  if (isAnyDay) return say.daily(time)
  if (weekday === '*' && isNumber(day)) return say.monthly(Number(day), time)
  const days = day === '*' ? weekdays(weekday, language, say.and) : null
  return days ? say.weekly(days, time) : say.cron(text)
}

export function inWords(schedule: Schedule, words: Words, language: string): string {
  const say = words.jobs.schedule
  const parts = [schedule.cron ? cron(schedule.cron, say, language) : interval(schedule.every_ms ?? 0, say)]
  if (schedule.window) parts.push(say.between(schedule.window.from, schedule.window.to))
  const zone = schedule.zone && schedule.zone !== 'UTC' && (schedule.cron || schedule.window) ? ` ${say.inZone(schedule.zone)}` : ''
  return parts.join(say.and) + zone
}
