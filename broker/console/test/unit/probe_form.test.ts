import { expect, test } from 'vitest'

import { asCurl, asEdgectl, fromQuery, quoted, toJob, toQuery, type ProbeForm } from '../../src/run/probe_form'

const form = (more: Partial<ProbeForm> = {}): ProbeForm => ({ service: 'ping', target: 'example.com', from: 'all', repeat: 1, options: {}, ...more })

test('the address says what the form says, and back', () => {
  for (const one of [
    form(),
    form({ service: 'dns', from: 'carrier:ct -node:gz-1', options: { type: 'AAAA', transport: 'tcp' } }),
    form({ service: 'http', target: 'https://example.com/?a=b&c', repeat: 3, options: { verify: 'false', redirects: '2' } }),
    form({ from: '' }),
  ])
    expect(fromQuery(toQuery(one))).toEqual(one)
})

test('what is not a probe in the address becomes one', () => {
  expect(fromQuery({})).toEqual(form({ target: '' }))
  expect(fromQuery({ service: 'telnet', repeat: 'x', target: ['a', 'b'] as never })).toEqual(form({ target: '' }))
  expect(fromQuery({ repeat: '-2' }).repeat).toBe(1)
})

test('only what differs from the defaults is asked, each in its type', () => {
  expect(toJob(form({ target: ' example.com ', options: { count: '4', size: '', interval_ms: '10' } }))).toEqual({ service: 'ping', params: { target: 'example.com', interval_ms: 10 }, selector: 'all' })
  expect(toJob(form({ service: 'http', options: { verify: 'false', connect_to: '192.0.2.1' }, repeat: 2 }))).toEqual({ service: 'http', params: { target: 'example.com', verify: false, connect_to: '192.0.2.1' }, selector: 'all', repeat: 2 })
})

test('an option of another service does not come along', () => {
  expect(toJob(form({ service: 'dns', options: { count: '9' } })).params).toEqual({ target: 'example.com' })
})

test('whatever is typed stays one word of the shell', () => {
  expect(quoted('example.com')).toBe('example.com')
  expect(quoted("a'; rm -rf / #")).toBe(`'a'\\''; rm -rf / #'`)
  expect(quoted('$(id)')).toBe("'$(id)'")
  expect(quoted('')).toBe("''")
  expect(asCurl(form({ target: "x'y" }), 'https://b.test')).toContain(`"target":"x'\\''y"`)
})

test('edgectl gets its own flags and the selector’s words', () => {
  expect(asEdgectl(form({ service: 'http', target: 'https://a/?b', from: 'carrier:ct  -node:gz-1', repeat: 2, options: { verify: 'false', timeout_ms: '500' } }))).toBe(
    "edgectl http 'https://a/?b' from carrier:ct -node:gz-1 --repeat 2 --timeout-ms 500 --no-verify",
  )
})
