/** Follows one run by its server-sent events, and draws at most once a frame however fast they come. */
import { onScopeDispose, shallowRef, triggerRef, watch, type Ref } from 'vue'

import { apply, emptyRun, type RunEvent, type RunState } from './run_state'

export type Following = 'connecting' | 'live' | 'over' | 'lost' | 'unknown'

export function followRun(id: Ref<string>) {
  const state = shallowRef<RunState>(emptyRun())
  const following = shallowRef<Following>('connecting')
  let source: EventSource | null = null
  let waiting: RunEvent[] = []
  let frame = 0

  function draw() {
    frame = 0
    apply(state.value, waiting)
    waiting = []
    triggerRef(state)
    if (state.value.run?.state === 'finished' && following.value === 'live' && !source) following.value = 'over'
  }

  function take(event: RunEvent) {
    waiting.push(event)
    if (!frame) frame = requestAnimationFrame(draw)
  }

  function stop() {
    source?.close()
    source = null
  }

  function start() {
    stop()
    if (frame) cancelAnimationFrame(frame)
    frame = 0
    waiting = []
    state.value = emptyRun()
    following.value = 'connecting'
    const opened = new EventSource(`/api/v1/runs/${encodeURIComponent(id.value)}/events`)
    source = opened
    let finished = false
    for (const name of ['run', 'task', 'progress', 'result'] as const) {
      opened.addEventListener(name, (message: MessageEvent<string>) => {
        following.value = 'live'
        const event = { event: name, data: JSON.parse(message.data) } as RunEvent
        if (event.event === 'run') finished = event.data.state === 'finished'
        take(event)
      })
    }
    opened.onerror = () => {
      if (finished) {
        // The broker ends the stream with the run; reconnecting would tell it all again.
        stop()
        if (!frame) frame = requestAnimationFrame(draw)
      } else if (opened.readyState === EventSource.CLOSED) {
        following.value = state.value.run ? 'lost' : 'unknown'
      } else {
        following.value = 'connecting'
      }
    }
  }

  watch(id, start, { immediate: true })
  onScopeDispose(() => {
    stop()
    if (frame) cancelAnimationFrame(frame)
  })
  return { state, following, again: start }
}
