/** What the palette offers for what was typed. Pure. */
import { nodePath } from '../fleet/node_path'
import type { Words } from '../words/en'

export interface Command {
  kind: string
  name: string
  to: string
}

const MOST = 12

/** `ping example.com from carrier:ct`, as edgectl takes it; null: no such sentence. */
export function probeSentence(text: string): string | null {
  const match = /^(ping|dns|http)\s+(\S+)(?:\s+from\s+(.+))?$/.exec(text)
  if (!match) return null
  const query = new URLSearchParams({ service: match[1]!, target: match[2]! })
  if (match[3]) query.set('from', match[3])
  return `/new?${query}`
}

export function commandsFor(text: string, words: Words, nodes: readonly string[]): Command[] {
  const typed = text.trim()
  const found: Command[] = []
  const sentence = probeSentence(typed)
  if (sentence) found.push({ kind: words.palette.probe, name: typed, to: sentence })
  if (/^run_[0-9a-z]{26}$/.test(typed)) found.push({ kind: words.palette.go, name: typed, to: `/runs/${typed}` })
  if (/^job_[0-9a-z]{26}$/.test(typed)) found.push({ kind: words.palette.go, name: typed, to: `/jobs/${typed}` })
  if (/^res_[0-9a-z]{26}$/.test(typed)) found.push({ kind: words.palette.go, name: typed, to: `/r/${typed}` })
  if (/^hook_[0-9a-z]{26}$/.test(typed)) found.push({ kind: words.palette.go, name: typed, to: `/webhooks/${typed}` })
  const small = typed.toLowerCase()
  const screens: [string, string][] = [
    [words.nav.overview, '/'],
    [words.nav.probe, '/new'],
    [words.nav.runs, '/runs'],
    [words.nav.jobs, '/jobs'],
    [words.nav.nodes, '/nodes'],
    [words.nav.lines, '/lines'],
    [words.nav.webhooks, '/webhooks'],
    [words.webhooks.add, '/webhooks/new'],
  ]
  for (const [name, to] of screens) if (name.toLowerCase().includes(small)) found.push({ kind: words.palette.go, name, to })
  for (const name of nodes) if (name.toLowerCase().includes(small)) found.push({ kind: words.palette.node, name, to: nodePath(name) })
  return found.slice(0, MOST)
}
