import { expect, test, vi } from 'vitest'

import { safePath, takeCode } from '../../src/api/session'

test('after signing in one goes to a path of this console, never to another host', () => {
  for (const path of ['/', '/runs/run_1?view=output', '/nodes/a%2Fb']) expect(safePath(path)).toBe(path)
  for (const path of ['//evil.test', '/\\evil.test', '\\\\evil.test', 'https://evil.test', 'javascript:alert(1)', '', '/a\\b', undefined, ['/x'], null]) expect(safePath(path)).toBe('/')
})

test('the code of a link leaves the address before anything else happens', () => {
  const history = { replaceState: vi.fn() }
  const place = (hash: string) => ({ hash, pathname: '/', search: '?a=b' }) as Location
  expect(takeCode(place('#code=01jd3w0c5yq9v8w7x6y5z4a3b2'), history as never)).toBe('01jd3w0c5yq9v8w7x6y5z4a3b2')
  expect(history.replaceState).toHaveBeenCalledWith(null, '', '/?a=b')
  expect(takeCode(place('#code=<script>'), history as never)).toBeNull()
  expect(history.replaceState).toHaveBeenCalledTimes(2)
  expect(takeCode(place('#else'), history as never)).toBeNull()
  expect(history.replaceState).toHaveBeenCalledTimes(2)
})
