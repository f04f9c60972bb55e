import { expect, test } from 'vitest'

import type { Job, Schedule } from '../../src/api/client'
import { inWords } from '../../src/jobs/in_words'
import { formQuery, optionsOf, targetOf } from '../../src/jobs/job'
import { commandsFor } from '../../src/parts/commands'
import { asCurl, asEdgectl, fromQuery, scheduleOf, toJob, toQuery, type ProbeForm } from '../../src/run/probe_form'
import { en } from '../../src/words/en'
import { zh } from '../../src/words/zh'

const said = (schedule: Schedule) => inWords(schedule, en, 'en-GB')

test('an interval is said in the largest unit that it is whole in', () => {
  for (const [ms, text] of [[1000, 'every second'], [30_000, 'every 30 seconds'], [90_000, 'every 90 seconds'], [1500, 'every 1.5 seconds'], [60_000, 'every minute'], [300_000, 'every 5 minutes'], [7_200_000, 'every 2 hours'], [86_400_000, 'every day'], [172_800_000, 'every 2 days']] as const)
    expect(said({ every_ms: ms })).toBe(text)
})

test('a cron is said as people would, and as it stands where they would not', () => {
  for (const [cron, text] of [
    ['* * * * *', 'every minute'], ['*/5 * * * *', 'every 5 minutes'], ['7 * * * *', 'every hour at :07'], ['5 8 * * *', 'every day at 08:05'], ['0 9 * * mon-fri', 'Mon–Fri at 09:00'], ['0 9 * * 0,6', 'Sun, Sat at 09:00'], ['30 23 1 * *', 'on day 1 of each month at 23:30'],
    ['*/7 * * * *', 'by cron */7 * * * *'], ['*/5 8-18 * * mon-fri', 'by cron */5 8-18 * * mon-fri'], ['0 9 1 * mon', 'by cron 0 9 1 * mon'], ['0 9 * 2 *', 'by cron 0 9 * 2 *'], ['0 9 * * mon-fri/2', 'by cron 0 9 * * mon-fri/2'], ['nonsense', 'by cron nonsense'],
  ] as const)
    expect(said({ cron })).toBe(text)
  expect(said({ cron: '0 9 * * 7', zone: 'Asia/Shanghai' })).toBe('Sun at 09:00 (Asia/Shanghai)')
  expect(said({ every_ms: 30_000, window: { from: '22:00', to: '06:00' }, zone: 'Asia/Shanghai' })).toBe('every 30 seconds, from 22:00 to 06:00 (Asia/Shanghai)')
  expect(said({ every_ms: 30_000, zone: 'Asia/Shanghai' })).toBe('every 30 seconds')
  expect(inWords({ cron: '0 9 * * 1-5', zone: 'UTC' }, zh, 'zh-CN')).toBe('周一–周五 09:00')
})

const form = (when?: ProbeForm['when']): ProbeForm => ({ service: 'ping', target: 'example.com', from: 'all', repeat: 1, options: {}, ...(when ? { when } : {}) })

test('when it is done stands in the address, in the job, and in what is copied', () => {
  const every = form({ kind: 'every', count: '5', unit: 'm' })
  const cron = form({ kind: 'cron', cron: '*/5 * * * *', zone: 'Asia/Shanghai' })
  for (const one of [form(), every, cron, form({ kind: 'every', count: '', unit: 'h' }), form({ kind: 'cron', cron: '', zone: '' })]) expect(fromQuery(toQuery(one))).toEqual(one)
  expect(fromQuery({ every: '90' }).when).toEqual({ kind: 'every', count: '90', unit: 's' })
  expect(toJob(every).schedule).toEqual({ every_ms: 300_000 })
  expect(toJob(cron).schedule).toEqual({ cron: '*/5 * * * *', zone: 'Asia/Shanghai' })
  expect(toJob(form())).not.toHaveProperty('schedule')
  expect(asEdgectl(every)).toBe('edgectl ping example.com from all --every 5m')
  expect(asEdgectl(cron)).toBe("edgectl ping example.com from all --cron '*/5 * * * *' --zone Asia/Shanghai")
  expect(asCurl(every, 'https://b.test')).not.toContain('Prefer')
  expect(asCurl(form(), 'https://b.test')).toContain('Prefer: wait=60')
})

test('what says no time yet is no schedule', () => {
  for (const count of ['', '0', '-1', '1.5', 'x']) expect(scheduleOf({ kind: 'every', count, unit: 's' })).toBeNull()
  expect(scheduleOf({ kind: 'cron', cron: '  ', zone: 'UTC' })).toBeNull()
  expect(scheduleOf({ kind: 'cron', cron: ' 0 9 * * * ', zone: ' ' })).toEqual({ cron: '0 9 * * *' })
})

const job = (more: Partial<Job> = {}): Job => ({ id: 'job_01jd3w0c5xp1q2r3s4t5v6w7x8', origin: 'api', service: 'ping', params: { target: 'example.com', count: 3 }, selector: 'carrier:ct', start_within_ms: 60_000, repeat: 1, labels: {}, created_at: '2026-11-22T09:00:00.125Z', ...more })

test('another like it is the form with what the job asks', () => {
  expect(formQuery(job({ schedule: { every_ms: 300_000 } }))).toEqual({ service: 'ping', target: 'example.com', from: 'carrier:ct', count: '3', every: '5m' })
  expect(formQuery(job({ schedule: { cron: '0 9 * * *', zone: 'Asia/Shanghai' } }))).toMatchObject({ cron: '0 9 * * *', zone: 'Asia/Shanghai' })
  expect(formQuery(job({ service: 'http', params: { target: 'https://a/', headers: [['a', 'b']], verify: false } }))).toEqual({ service: 'http', target: 'https://a/', from: 'carrier:ct', verify: 'false' })
})

test('what a job asks is read without believing it', () => {
  expect(targetOf(job({ params: { target: { a: 1 } } }))).toBe('')
  expect(targetOf(job({ params: null }))).toBe('')
  expect(optionsOf(job({ params: { target: 'x', headers: [{ name: 'a' }], method: 'GET' } }))).toEqual([['headers', '[{"name":"a"}]'], ['method', 'GET']])
})

test('a job is found by its id in the palette', () => {
  expect(commandsFor('job_01jd3w0c5xp1q2r3s4t5v6w7x8', en, [])[0]?.to).toBe('/jobs/job_01jd3w0c5xp1q2r3s4t5v6w7x8')
})
