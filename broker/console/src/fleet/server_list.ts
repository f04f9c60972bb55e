/**
 * A list whose filter and order the server applies and whose address says them: `?q=…&sort=…`. Pages are added at the end.
 * `usual` is what it is asked for while the address has no filter, `always` what stands behind any other.
 */
import { computed } from 'vue'
import { useRoute, useRouter } from 'vue-router'

import { api, pathWith } from '../api/client'
import { usePages } from '../parts/pages'
import { quoted } from '../run/probe_form'

const PAGE = 100
export type FileType = 'text/csv' | 'application/x-ndjson'

export function useServerList<T>(path: string, first: 'now' | 'later' = 'now', usual = '', always = '') {
  const route = useRoute()
  const router = useRouter()
  const one = (name: string) => (typeof route.query[name] === 'string' ? route.query[name] : '')
  const q = computed(() => one('q'))
  const sort = computed(() => one('sort'))
  const name = path.split('/').at(-1)
  const asked = () => ({ q: q.value ? [q.value, always].filter(Boolean).join(' ') : usual, sort: sort.value })
  const { items, next, total, more, problem, busy, again, answer } = usePages<T>(path, () => ({ ...asked(), limit: PAGE }), first)
  const filter = (text: string) => router.replace({ query: { ...route.query, q: text || undefined } })
  /** Ascending, descending, and back to the server's own order. */
  function sortBy(key: string) {
    const then = sort.value === key ? `-${key}` : sort.value === `-${key}` ? undefined : key
    return router.replace({ query: { ...route.query, sort: then } })
  }
  const asCurl = (type = '') => `curl -H "Authorization: Bearer $EDGE_TOKEN"${type ? ` -H 'Accept: ${type}'` : ''} '${location.origin}${pathWith(path, asked())}'`
  const asEdgectl = () => `edgectl get ${name}${q.value || always ? ` -q ${quoted(asked().q)}` : ''}${sort.value ? ` --sort=${quoted(sort.value)}` : ''}`
  async function download(type: FileType) {
    const file = await api.file(path, asked(), type)
    const link = document.createElement('a')
    link.href = URL.createObjectURL(file)
    link.download = `${name}.${type === 'text/csv' ? 'csv' : 'ndjson'}`
    link.click()
    URL.revokeObjectURL(link.href)
  }
  return { items, total, next, more, q, sort, filter, sortBy, problem, busy, answer, again, asCurl, asEdgectl, download }
}
