/**
 * One WebSocket for all that is live on this page. A topic is subscribed to as often as wanted and asked of the broker once a
 * subscription; after a break each resumes where it was, or is told to fetch anew. What the broker has no room for now is asked
 * again later. A number is never used twice.
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
  /** Nothing comes: it is over, or the broker refused it and says why. Where that is for now only, a reset says that it begins. */
  end?(problem?: unknown): void
}

interface Subscription {
  sub: number
  topic: string
  key: string | undefined
  subscriber: Subscriber
  seq: number | null
  refusals: number
  /** Runs where it is refused for now and not asked for. */
  pause: ReturnType<typeof setTimeout> | undefined
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
const REFUSED_WAIT = 2 // as long as after the third break in a row: 4 s

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
    const subscription: Subscription = { sub: this.nextSub++, topic, key, subscriber, seq: null, refusals: 0, pause: undefined }
    this.subscriptions.set(subscription.sub, subscription)
    if (this.status.value.state === 'live') this.ask(subscription)
    else if (this.status.value.state === 'off') this.connect()
    return () => {
      const { sub, pause } = subscription
      clearTimeout(pause)
      if (this.subscriptions.delete(sub) && !pause && this.status.value.state === 'live') this.send({ op: 'unsubscribe', sub })
    }
  }

  /** Connects, if it is not connected yet: so that the page knows whether the broker is there. */
  start() {
    if (this.status.value.state === 'off') this.connect()
  }

  stop() {
    for (const { pause } of this.subscriptions.values()) clearTimeout(pause)
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
    const wait = this.wait(this.failures++)
    this.status.value = { state: 'waiting', since: state === 'live' ? Date.now() : since, retryAt: Date.now() + wait }
    this.timer = setTimeout(() => this.connect(), wait)
  }

  private wait(failures: number): number {
    return Math.min(LONGEST_WAIT_MS, 1000 * 2 ** failures) * (0.5 + this.random() / 2)
  }

  private listen() {
    clearTimeout(this.silence)
    this.silence = setTimeout(() => this.broken(), SILENCE_MS)
  }

  private send(message: object) {
    this.socket?.send(JSON.stringify(message))
  }

  private ask(subscription: Subscription) {
    clearTimeout(subscription.pause)
    subscription.pause = undefined
    const { sub, topic, key, seq } = subscription
    this.send({ op: 'subscribe', sub, topic, ...(key ? { key } : {}), ...(seq === null ? {} : { stream: this.stream, after: seq }) })
  }

  private take(message: Message) {
    this.listen()
    if (message.event === 'hello') return this.greeted(message.stream ?? '')
    const subscription = message.sub === undefined ? undefined : this.subscriptions.get(message.sub)
    if (!subscription || message.sub === undefined) return
    const resumes = subscription.seq !== null
    if (message.seq !== undefined) subscription.seq = message.seq
    if (message.event === 'subscribed' || message.event === 'reset') subscription.refusals = 0
    if (message.event === 'subscribed') {
      if (!resumes) subscription.subscriber.reset()
    } else if (message.event === 'reset' || message.event === 'gap') {
      subscription.subscriber.reset()
    } else if (message.event === 'end' || message.event === 'error') {
      this.subscriptions.delete(message.sub)
      if (message.event === 'error' && (message.data as { code?: unknown } | undefined)?.code === 'unavailable') this.askLater(subscription)
      subscription.subscriber.end?.(message.event === 'error' ? (message.data ?? {}) : undefined)
    } else if (message.event) {
      subscription.subscriber.event(message.event, message.data)
    }
  }

  /** It begins anew then: what it knew may be of a broker that is gone. */
  private askLater(subscription: Subscription) {
    subscription.sub = this.nextSub++
    subscription.seq = null
    subscription.pause = setTimeout(() => {
      if (this.status.value.state === 'live') this.ask(subscription)
    }, this.wait(REFUSED_WAIT + subscription.refusals++))
    this.subscriptions.set(subscription.sub, subscription)
  }

  private greeted(stream: string) {
    this.failures = 0
    // Sequence numbers are of one process of the broker: to another one they mean nothing, and it answers `reset`.
    const stale = this.stream
    this.stream = stale || stream
    this.status.value = { state: 'live', since: Date.now(), retryAt: 0 }
    for (const subscription of this.subscriptions.values()) this.ask(subscription)
    this.stream = stream
  }
}

export const live = new Live(
  () => new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/v1/stream`, 'edge.stream.v1'),
)
