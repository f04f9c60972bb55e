// The lab's programs, ended and started as the lab does; see tests/e2e/running_lab.py.
import { execFileSync, spawn } from 'node:child_process'
import { appendFileSync, existsSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

import { url } from './browser.mjs'

const directory = process.env.EDGE_LAB_DIR

/** Asks until it is so; what is outside of this process sends no event here. */
export async function until(condition, what, withinMs = 30_000) {
  const deadline = Date.now() + withinMs
  while (Date.now() < deadline) {
    const found = await condition()
    if (found) return found
    await pause(20)
  }
  throw new Error(`waited ${withinMs} ms for ${what}`)
}

export async function stop(program, how = 'SIGKILL') {
  const pid = Number(readFileSync(`${directory}/pid/${program}`, 'utf8'))
  process.kill(pid, how)
  await until(() => !existsSync(`/proc/${pid}`) || readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z '), `${program} to end`)
}

export function start(program) {
  const out = openSync(`${directory}/log/${program}`, 'a')
  spawn(`${directory}/start/${program}`, { stdio: ['ignore', out, out], detached: true }).unref() // its end is the lab's to see to
}

export async function startBroker() {
  start('edge-broker')
  await until(() => fetch(`${url}/healthz`).then((answer) => answer.ok, () => false), 'the broker')
}

/** With more in its configuration, from now on. */
export async function configureBroker(text) {
  await stop('edge-broker', 'SIGTERM')
  appendFileSync(`${directory}/broker/broker.toml`, text)
  await startBroker()
}

/** `pull` or `plug` the far end of a line's cable. */
export const cable = (action, line) => execFileSync('lab-cable', [action, 'gz-1', line])
