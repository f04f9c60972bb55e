/** The first rows of a long list at once, the others some a frame: so that the page answers while it draws them. */
import { computed, onScopeDispose, ref, watch } from 'vue'

const STEP = 30

export function useGrowing<T>(rows: () => readonly T[]) {
  const count = ref(STEP)
  let frame = 0
  function grow() {
    frame = 0
    if (count.value >= rows().length) return
    count.value += STEP
    frame = requestAnimationFrame(grow)
  }
  watch(() => rows().length, () => (frame ||= requestAnimationFrame(grow)), { immediate: true })
  onScopeDispose(() => cancelAnimationFrame(frame))
  return computed(() => (count.value >= rows().length ? rows() : rows().slice(0, count.value)))
}
