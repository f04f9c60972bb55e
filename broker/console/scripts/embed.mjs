// embed.mjs DIST OUT: what vite built, compressed as small as it goes, as one binary and the C++ table that finds it there.
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { extname, join, relative, sep } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const types = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
}

const [dist, out] = process.argv.slice(2)
const blob = []
let size = 0

function place(bytes) {
  const at = size
  blob.push(bytes)
  size += bytes.length
  return `{edge_console_files + ${at}, ${bytes.length}}`
}

function row(file) {
  const type = types[extname(file)]
  if (!type) throw new Error(`${file}: a type that is not served`)
  const plain = readFileSync(join(dist, file))
  const hash = createHash('sha256').update(plain).digest('hex').slice(0, 16)
  const smaller = (bytes) => (bytes.length < plain.length ? place(bytes) : '{}')
  const gzip = smaller(gzipSync(plain, { level: 9 }))
  const brotli = smaller(brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length } }))
  return `    {"/${file}", "${type}", "${hash}", ${place(plain)}, ${gzip}, ${brotli}},`
}

const files = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(dist, join(entry.parentPath, entry.name)).split(sep).join('/'))
  .sort()
const rows = files.map(row)

mkdirSync(out, { recursive: true })
writeFileSync(join(out, 'console_files.bin'), Buffer.concat(blob))
writeFileSync(
  join(out, 'console_files.S'),
  `    .section .rodata
    .globl edge_console_files
edge_console_files:
    .incbin "${join(out, 'console_files.bin')}"
    .section .note.GNU-stack,"",@progbits
`,
)
writeFileSync(
  join(out, 'console_files.cpp'),
  `#include "broker/console_files/console_files.hpp"

extern "C" const char edge_console_files[];

namespace edge::broker::console {
namespace {

const File kFiles[] = {
${rows.join('\n')}
};

}  // namespace

std::span<const File> embedded_files() {
    return kFiles;
}

}  // namespace edge::broker::console
`,
)
