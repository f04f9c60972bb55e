/** What a probe said while it ran, and its end, as a line of text a terminal would show. Pure; whatever comes stays text. */
import type { Result } from '../api/client'
import { duration, percent } from '../figures'
import { fields, number, text, type Fields } from '../result/fields'

function reply(one: Fields): string {
  const head = `seq ${number(one['seq']) ?? '?'}`
  const error = text(one['error'])
  const from = text(one['from'])
  if (error) return `${head}: ${error}${from ? ` from ${from}` : ''}`
  const rtt = number(one['rtt_us'])
  if (rtt === null) return `${head}: no reply in time`
  const ttl = number(one['ttl'])
  return `${head}: ${duration(rtt)}${ttl === null ? '' : `, ttl ${ttl}`}${from ? `, from ${from}` : ''}${one['dup'] === true ? ', duplicate' : ''}`
}

export function progressText(data: unknown): string {
  const said = fields(data)
  if (said['reply']) return reply(fields(said['reply']))
  if (said['phase']) {
    const phase = fields(said['phase'])
    return `${text(phase['name']) ?? '?'} ${duration(number(phase['us']))}`
  }
  if (said['try']) {
    const one = fields(said['try'])
    return `try ${number(one['n']) ?? '?'}: ask ${text(one['server']) ?? '?'} by ${text(one['transport']) ?? '?'}`
  }
  return JSON.stringify(data) ?? String(data)
}

/** In a word or two: what came back, or what failed in which phase. */
export function answerText(result: Result): string {
  if (result.failure) {
    const { code, phase } = result.failure
    return phase && phase !== code ? `${code} · ${phase}` : code
  }
  const { code, loss } = result.summary
  if (result.service === 'ping') {
    const detail = fields(result.detail)
    const [sent, came, spread] = [number(detail['sent']), number(detail['rcvd']), number(detail['mdev_us'])]
    if (sent === null || came === null) return loss === undefined ? '' : percent(loss)
    return `${came}/${sent}${spread === null ? '' : ` · ± ${duration(spread)}`}`
  }
  if (result.service === 'dns') {
    const answers = fields(result.detail)['answer']
    const first = Array.isArray(answers) ? answers.map((record) => text(fields(record)['rdata']) ?? '').filter(Boolean) : []
    return [code, first.slice(0, 2).join(', ') + (first.length > 2 ? ` +${first.length - 2}` : '')].filter(Boolean).join(' · ')
  }
  return code ?? ''
}
