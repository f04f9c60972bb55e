/** What somebody asked for with a button: one thing at a time, so that a second click is none; and what came of it. */
import { shallowRef } from 'vue'

export function useActing() {
  const busy = shallowRef(false)
  const problem = shallowRef<unknown>(null)
  /** For what is done to say, where nothing on the screen shows it. */
  const told = shallowRef('')

  async function act(doing: () => unknown) {
    if (busy.value) return
    busy.value = true
    problem.value = null
    told.value = ''
    try {
      await doing()
    } catch (failed) {
      problem.value = failed
    } finally {
      busy.value = false
    }
  }
  return { busy, problem, told, act }
}
