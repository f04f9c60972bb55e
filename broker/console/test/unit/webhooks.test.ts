import { expect, test } from 'vitest'

import { phasesOf } from '../../src/webhooks/attempt_times'
import { fromField, inAddress, inField, rangeOf, within } from '../../src/webhooks/time_range'
import { bodyOf, emptyForm, EVENTS, standing } from '../../src/webhooks/webhook_form'

test('a webhook stands as the broker says, and disabled is more than failing', () => {
  expect(standing({ enabled: true })).toBe('enabled')
  expect(standing({ enabled: true, failing_since: '2026-11-29T00:00:00.000Z' })).toBe('failing')
  expect(standing({ enabled: false, failing_since: '2026-11-29T00:00:00.000Z' })).toBe('disabled')
})

test('a form is given without what was typed around it, and keeps events it does not know', () => {
  const later = 'io.edge.later.v1' as never
  expect(bodyOf({ ...emptyForm(), url: ' https://ops.example/ ', selector: ' all ', events: [later, EVENTS[2]!, EVENTS[0]!] })).toEqual({
    url: 'https://ops.example/', description: '', selector: 'all', events: [EVENTS[0], EVENTS[2], later],
  })
})

test('a time goes from the field into the address and back, in whatever zone', () => {
  for (const text of ['2026-11-29T01:05', '2026-03-29T02:30', '1970-01-02T00:00']) {
    const ms = fromField(text)
    expect(rangeOf({ since: inAddress(ms) }).since).toBe(ms)
    expect(fromField(inField(ms))).toBe(ms)
  }
  expect(rangeOf({ since: 'yesterday', until: ['2026-11-29T01:05Z'] })).toEqual({ since: null, until: null })
  expect([fromField(''), inAddress(null), inField(null)]).toEqual([null, undefined, ''])
})

test('a range holds its beginning and not its end', () => {
  const range = rangeOf({ since: '2026-11-29T01:00Z', until: '2026-11-29T02:00Z' })
  expect(['2026-11-29T00:59:59.999Z', '2026-11-29T01:00:00.000Z', '2026-11-29T01:59:59.999Z', '2026-11-29T02:00:00.000Z'].map((at) => within(at, range))).toEqual([false, true, true, false])
})

test('phases are what lies between two instants; what did not come is none', () => {
  expect(phasesOf({ resolved_us: 10, connected_us: 30, secured_us: null as never, first_byte_us: 100, total_us: 110 })).toEqual([
    { name: 'resolve', us: 10 }, { name: 'connect', us: 20 }, { name: 'first_byte', us: 70 }, { name: 'transfer', us: 10 },
  ])
  expect(phasesOf({ total_us: 5 })).toEqual([{ name: 'transfer', us: 5 }])
})
