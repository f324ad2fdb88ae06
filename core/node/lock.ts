import { randomUUID } from 'node:crypto'
import {
  constants,
  copyFileSync,
  linkSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { resolve } from 'node:path'

/** The process that holds a lock. */
interface Owner {
  readonly pid: number
  /**
   * When the process started, in the kernel's clock ticks. It distinguishes the process from a later one with the same
   * number.
   */
  readonly started: string
  readonly host: string
  /** The namespace that the process number belongs to: two containers may both have a process 1. */
  readonly namespace: string
  readonly id: string
}

/**
 * A holder on another host or in another container refreshes its lock. If it has not done so for this long, it is
 * considered dead.
 */
const FOREIGN_MS = 120_000
const REFRESH_MS = 10_000

const attempt = <T>(read: () => T): T | undefined => {
  try {
    return read()
  } catch {
    return undefined
  }
}

const startOf = (pid: number): string =>
  attempt(() => {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field, the command's name, may hold spaces; the 22nd is the start time.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19]
  }) ?? ''
const namespaceOf = (): string => attempt(() => readlinkSync('/proc/self/ns/pid')) ?? ''

const held = new Map<string, { readonly id: string; readonly timer: NodeJS.Timeout }>()

const readOwner = (path: string): Owner | undefined => {
  const text = attempt(() => readFileSync(path, 'utf8'))
  if (text === undefined) return undefined
  const owner = attempt(() => JSON.parse(text) as unknown)
  // Version 0.1 wrote the number alone.
  if (typeof owner === 'number') return { pid: owner, started: '', host: hostname(), namespace: '', id: '' }
  if (typeof owner === 'object' && owner !== null && 'pid' in owner) return owner as Owner
  return { pid: 0, started: '', host: hostname(), namespace: '', id: '' }
}

function isAlive(path: string, owner: Owner): boolean {
  if (held.get(path)?.id === owner.id && owner.id !== '') return true
  const isHere = owner.host === hostname() && (owner.namespace === '' || owner.namespace === namespaceOf())
  if (!isHere) {
    const age = attempt(() => realTime() - statSync(path).mtimeMs) ?? Number.POSITIVE_INFINITY
    return age < FOREIGN_MS
  }
  if (owner.pid === process.pid || !(owner.pid > 0)) return false
  try {
    process.kill(owner.pid, 0)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return owner.started === '' || startOf(owner.pid) === owner.started
}

/** The time of file systems, against which the age of a file is measured. */
const realTime = (): number => performance.timeOrigin + performance.now()

const textOf = (owner: Owner) =>
  owner.host === hostname() ? `running process ${owner.pid}` : `process ${owner.pid} on ${owner.host}`

/** Describes the holder of the lock; undefined if no process holds it. */
export function lockHolder(file: string): string | undefined {
  const path = resolve(file)
  const owner = readOwner(path)
  return owner && isAlive(path, owner) ? textOf(owner) : undefined
}

/**
 * Takes the lock, or returns a description of its holder. A lock whose process has died is taken over; if several
 * processes find a dead lock, exactly one of them gets it.
 */
export function takeLock(file: string): string | undefined {
  const path = resolve(file)
  if (held.has(path)) return `running process ${process.pid}`
  const id = randomUUID()
  const owner: Owner = {
    pid: process.pid,
    started: startOf(process.pid),
    host: hostname(),
    namespace: namespaceOf(),
    id,
  }
  // The lock holds its owner from the moment it exists, so that no process mistakes a new lock for a dead one.
  const mine = `${path}.${id}`
  writeFileSync(mine, JSON.stringify(owner))
  try {
    for (let tries = 0; tries < 100; tries++) {
      if (create(path, mine)) {
        const timer = setInterval(() => attempt(() => utimesSync(path, new Date(), new Date())), REFRESH_MS)
        timer.unref()
        held.set(path, { id, timer })
        return undefined
      }
      const other = readOwner(path)
      if (other && isAlive(path, other)) return textOf(other)
      if (other) removeDead(path, other, mine)
    }
    return 'another process'
  } finally {
    rmSync(mine, { force: true })
  }
}

/** Removes the lock if it is still the one that was found dead. */
function removeDead(path: string, dead: Owner, mine: string): void {
  const guard = `${path}.takeover`
  if (!create(guard, mine)) {
    const other = readOwner(guard)
    // Removes the guard of a process that died; a living process releases its guard within a moment.
    if (other && !isAlive(guard, other)) rmSync(guard, { force: true })
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    return
  }
  try {
    const now = readOwner(path)
    if (now && now.id === dead.id && now.pid === dead.pid) rmSync(path, { force: true })
  } finally {
    rmSync(guard, { force: true })
  }
}

/**
 * Creates `path` as a hard link to `mine` (or as a copy, on file systems without hard links). Returns whether it was
 * created.
 */
function create(path: string, mine: string): boolean {
  const isTaken = (cause: unknown) => (cause as NodeJS.ErrnoException).code === 'EEXIST'
  try {
    linkSync(mine, path)
    return true
  } catch (cause) {
    if (isTaken(cause)) return false
  }
  try {
    copyFileSync(mine, path, constants.COPYFILE_EXCL)
    return true
  } catch (cause) {
    if (isTaken(cause)) return false
    throw cause
  }
}

/** Releases the lock if this process still holds it. */
export function releaseLock(file: string): void {
  const path = resolve(file)
  const own = held.get(path)
  if (!own) return
  clearInterval(own.timer)
  held.delete(path)
  if (readOwner(path)?.id === own.id) attempt(() => unlinkSync(path))
}
