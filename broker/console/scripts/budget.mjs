// budget.mjs DIST: what a browser loads, compressed as it is sent, against what we promise. Ends with 1 above a budget.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync } from 'node:zlib'

const KIB = 1024
const dist = process.argv[2]
const assets = join(dist, 'assets')
const names = readdirSync(assets)
const text = (name) => readFileSync(join(assets, name), 'utf8')
const sent = (list) => list.reduce((sum, name) => sum + brotliCompressSync(readFileSync(join(assets, name))).length, 0)

function withImports(name, seen = new Set()) {
  if (seen.has(name)) return seen
  seen.add(name)
  for (const [, imported] of text(name).matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g)) withImports(imported, seen)
  return seen
}

const scripts = names.filter((name) => name.endsWith('.js'))
const entry = /src="\/assets\/([\w.-]+\.js)"/.exec(readFileSync(join(dist, 'index.html'), 'utf8'))[1]
const first = scripts.find((name) => name.startsWith('OverviewScreen'))
if (!first) throw new Error('the first route has another name')

const figures = [
  ['first route', sent([...new Set([...withImports(entry), ...withImports(first)])]), 90 * KIB],
  ['all scripts', sent(scripts), 200 * KIB],
  ['all styles', sent(names.filter((name) => name.endsWith('.css'))), 15 * KIB],
]
let over = false
for (const [name, size, budget] of figures) {
  over ||= size > budget
  console.log(`${name}: ${(size / KIB).toFixed(1)} KiB br, of ${budget / KIB}${size > budget ? ': TOO MUCH' : ''}`)
}
process.exit(over ? 1 : 0)
