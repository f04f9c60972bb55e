// Texts that try to be more than text, put into every field a node or a target could fill.
export const HOSTILE = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '"><svg onload=alert(1)>',
  "';alert(1)//",
  'javascript:alert(1)',
  '{{constructor.constructor("alert(1)")()}}',
  '</pre></td></table><iframe srcdoc="<script>parent.alert(1)</script>">',
  '<style>*{display:none}</style><a href="javascript:alert(1)" id=x>',
  '\u0000\u001b]0;x\u0007\u202egnp.exe\ufeff\ud800',
]
export const LONG = `<b>${'A'.repeat(64 * 1024)}`

/** The same shape with every text in it replaced. */
function filled(value, text) {
  if (typeof value === 'string') return text
  if (Array.isArray(value)) return value.map((one) => filled(one, text))
  if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, filled(one, text)]))
  return value
}

const DETAILS = {
  dns: { server: '', port: 53, transport: '', header: { rcode: '', qr: true, aa: true }, question: [{ name: '', type: '' }], answer: [{ name: '', type: '', ttl: 1, rdata: '' }, null, 7], authority: [{ name: '', type: '', rdata: {} }], additional: 'x' },
  http: { hops: [{ url: '', peer: '', status: 200, reason: '', protocol: '', headers: [{ name: '', value: '' }, null], timings: { resolve_us: 1, connect_us: 'x', total_us: 2 }, tls: { version: '', cipher: '', subject: '', issuer: '', not_after: '', verified: false, verify_error: '' } }, null], body: '', resolved: [''] },
  ping: { dst_addr: '', sent: 2, rcvd: 1, replies: [{ seq: 0, rtt_us: 1, from: '', error: '' }, null, 'x'] },
}

export function hostileResult(result, service, text) {
  return {
    ...result,
    service,
    status: 'failed',
    target: text,
    node: { ...result.node, name: text },
    line: { name: text, carrier: text },
    failure: { source: 'target', phase: text, code: text, text },
    evidence: { ...filled(result.evidence, text), fwmark: 1, enforced_by: 'bpf' },
    resolved: [text],
    summary: { duration_us: 1, rtt_us: 1, code: text },
    detail: filled(DETAILS[service], text),
  }
}

/** A run as it is read, and as the stream goes on from there. */
export function hostileRun(result) {
  const task = { id: result.task_id, node: result.node, line: result.line, state: 'running', attempt: 1 }
  const counts = { total: 1, queued: 0, running: 1, succeeded: 0, failed: 0, timed_out: 0, canceled: 0, expired: 0, lost: 0 }
  const run = { id: result.run_id, job_id: 'job_x', service: result.service, target: result.target, selector: result.target, state: 'running', created_at: '2026-01-01T00:00:00.000Z', tasks: counts }
  const said = { task_id: task.id, node: task.node, line: task.line, data: { phase: { name: result.target, us: 1 } } }
  return {
    read: (url) => (url.includes('/tasks') ? { items: [task] } : run),
    events: [
      { seq: 2, event: 'progress', data: said },
      { seq: 3, event: 'result', data: result },
      { seq: 4, event: 'run', data: { ...run, state: 'finished', tasks: { ...counts, running: 0, failed: 1 } } },
      { event: 'end' },
    ],
  }
}
