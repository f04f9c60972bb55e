/**
 * One WebSocket for all that is live on this page. A topic is subscribed to as often as wanted and asked of the broker once a
 * subscription; after a break each resumes where it was, or is told to fetch anew.
 */
import { shallowRef } from 'vue'

export type LiveState = 'off' | 'connecting' | 'live' | 'waiting'

export interface LiveStatus {
  state: LiveState
  /** When it was last live, or began to try; milliseconds. */
  since: number
  retryAt: number
}

export interface Subscriber {
  event(name: string, data: unknown): void
  /** Something was missed: fetch by REST again. Also called when the subscription begins anew. */
  reset(): void
  /** Nothing more comes: it is over, or the broker refused it and says why. */
  end?(problem?: unknown): void
}

interface Subscription {
  topic: string
  key: string | undefined
  subscriber: Subscriber
  seq: number | null
}

interface Message {
  sub?: number
  seq?: number
  event?: string
  stream?: string
  data?: unknown
}

const SILENCE_MS = 40_000 // heartbeats come each 15 s
const LONGEST_WAIT_MS = 30_000

export class Live {
  readonly status = shallowRef<LiveStatus>({ state: 'off', since: 0, retryAt: 0 })
  private socket: WebSocket | null = null
  private readonly subscriptions = new Map<number, Subscription>()
  private stream = ''
  private nextSub = 1
  private failures = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private silence: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly open: () => WebSocket,
    private readonly random: () => number = Math.random,
  ) {}

  /** The returned function ends it. */
  subscribe(topic: string, subscriber: Subscriber, key?: string): () => void {
    const sub = this.nextSub++
    const subscription: Subscription = { topic, key, subscriber, seq: null }
    this.subscriptions.set(sub, subscription)
    if (this.status.value.state === 'live') this.ask(sub, subscription)
    else if (this.status.value.state === 'off') this.connect()
    return () => {
      if (this.subscriptions.delete(sub) && this.status.value.state === 'live') this.send({ op: 'unsubscribe', sub })
    }
  }

  /** Connects, if it is not connected yet: so that the page knows whether the broker is there. */
  start() {
    if (this.status.value.state === 'off') this.connect()
  }

  stop() {
    this.subscriptions.clear()
    this.drop()
    this.status.value = { state: 'off', since: Date.now(), retryAt: 0 }
  }

  private connect() {
    const since = this.status.value.since || Date.now()
    if (this.status.value.state === 'off') this.status.value = { state: 'connecting', since, retryAt: 0 }
    const socket = this.open()
    this.socket = socket
    socket.onmessage = (message) => this.take(JSON.parse(String(message.data)) as Message)
    socket.onclose = () => this.broken()
    this.listen()
  }

  private drop() {
    clearTimeout(this.timer)
    clearTimeout(this.silence)
    if (!this.socket) return
    this.socket.onclose = null
    this.socket.onmessage = null
    this.socket.close()
    this.socket = null
  }

  private broken() {
    this.drop()
    const { state, since } = this.status.value
    const wait = Math.min(LONGEST_WAIT_MS, 1000 * 2 ** this.failures) * (0.5 + this.random() / 2)
    this.failures += 1
    this.status.value = { state: 'waiting', since: state === 'live' ? Date.now() : since, retryAt: Date.now() + wait }
    this.timer = setTimeout(() => this.connect(), wait)
  }

  private listen() {
    clearTimeout(this.silence)
    this.silence = setTimeout(() => this.broken(), SILENCE_MS)
  }

  private send(message: object) {
    this.socket?.send(JSON.stringify(message))
  }

  private ask(sub: number, { topic, key, seq }: Subscription) {
    this.send({ op: 'subscribe', sub, topic, ...(key ? { key } : {}), ...(seq === null ? {} : { stream: this.stream, after: seq }) })
  }

  private take(message: Message) {
    this.listen()
    if (message.event === 'hello') return this.greeted(message.stream ?? '')
    const subscription = message.sub === undefined ? undefined : this.subscriptions.get(message.sub)
    if (!subscription || message.sub === undefined) return
    const resumes = subscription.seq !== null
    if (message.seq !== undefined) subscription.seq = message.seq
    if (message.event === 'subscribed') {
      if (!resumes) subscription.subscriber.reset()
    } else if (message.event === 'reset' || message.event === 'gap') {
      subscription.subscriber.reset()
    } else if (message.event === 'end' || message.event === 'error') {
      this.subscriptions.delete(message.sub)
      subscription.subscriber.end?.(message.event === 'error' ? (message.data ?? {}) : undefined)
    } else if (message.event) {
      subscription.subscriber.event(message.event, message.data)
    }
  }

  private greeted(stream: string) {
    this.failures = 0
    // Sequence numbers are of one process of the broker: to another one they mean nothing, and it answers `reset`.
    const stale = this.stream
    this.stream = stale || stream
    this.status.value = { state: 'live', since: Date.now(), retryAt: 0 }
    for (const [sub, subscription] of this.subscriptions) this.ask(sub, subscription)
    this.stream = stream
  }
}

export const live = new Live(
  () => new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/v1/stream`, 'edge.stream.v1'),
)
