/** A link in a row. A RouterLink resolves its route and watches where one is; of hundreds in a table that is most of the work. */
import { h, type FunctionalComponent } from 'vue'
import { useRouter } from 'vue-router'

export const RowLink: FunctionalComponent<{ to: string }> = ({ to }, { slots }) => {
  const router = useRouter()
  function go(event: MouseEvent) {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    void router.push(to)
  }
  return h('a', { href: to, onClick: go }, slots['default']?.())
}
RowLink.props = ['to']
