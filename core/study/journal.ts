import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { messageOf } from '../errors.ts'
import type { SearchEvent } from '../search/events.ts'
import { error } from './errors.ts'
import type { Store } from './store.ts'

export const JOURNAL_FILE = 'journal.jsonl'

export interface JournalOptions {
  /**
   * When to force events to the disk itself: a killed process never loses one either way, a power cut may lose the
   * last seconds under 'never'. Default 'never'; 'trial' forces after each ended trial.
   */
  readonly fsync?: 'never' | 'trial'
}

/** An append-only file of one JSON event a line, in a folder of its own. Opening takes a lock against a second writer. */
export function journalStore(directory: string, { fsync = 'never' }: JournalOptions = {}): Store {
  const file = join(directory, JOURNAL_FILE)
  const lock = join(directory, 'lock')
  try {
    mkdirSync(directory, { recursive: true })
  } catch (cause) {
    throw error('ARCHLOOM_STUDY_NOT_WRITABLE', { path: directory, message: messageOf(cause) }, { cause })
  }
  takeLock(lock, directory)
  const notes: string[] = []
  let descriptor: number
  try {
    descriptor = openSync(file, 'a+')
    const torn = tornTail(file)
    if (torn > 0) {
      const whole = readFileSync(file)
      notes.push(`the last line was cut off (${torn} bytes, an event nobody had seen) and was removed`)
      ftruncateSync(descriptor, whole.length - torn)
    }
  } catch (cause) {
    releaseLock(lock)
    throw error('ARCHLOOM_STUDY_NOT_WRITABLE', { path: file, message: messageOf(cause) }, { cause })
  }
  let open = true
  return {
    location: directory,
    notes,
    append(event) {
      const line = `${JSON.stringify(event)}\n`
      try {
        const bytes = Buffer.from(line)
        // A full disk may take part of a line: go on until it is whole or refused.
        for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written)
        if (fsync === 'trial' && (event.type === 'trial.completed' || event.type === 'trial.failed'))
          fsyncSync(descriptor)
      } catch (cause) {
        throw error('ARCHLOOM_STUDY_NOT_WRITABLE', { path: file, message: messageOf(cause) }, { cause })
      }
    },
    read: () => readJournal(file),
    close() {
      if (!open) return
      open = false
      const unused = fstatSync(descriptor).size === 0
      closeSync(descriptor)
      // A search that never ran leaves no study behind.
      if (unused) rmSync(file, { force: true })
      releaseLock(lock)
      if (unused && readdirSync(directory).length === 0) rmdirSync(directory)
    },
  }
}

/** Bytes after the last line break. */
function tornTail(file: string): number {
  const bytes = readFileSync(file)
  return bytes.length - (bytes.lastIndexOf(10) + 1)
}

/**
 * The events of a journal file. A cut last line is passed over; any other line that is not the event of its number is
 * ARCHLOOM_STUDY_CORRUPT.
 */
export function* readJournal(file: string): Iterable<SearchEvent> {
  const text = readFileSync(file, 'utf8')
  let from = 0
  for (let line = 1; ; line++) {
    const end = text.indexOf('\n', from)
    if (end < 0) return
    const received = text.slice(from, end)
    from = end + 1
    let event: SearchEvent
    try {
      event = JSON.parse(received) as SearchEvent
      if (!isEvent(event) || event.seq !== line - 1) throw new Error('not the event of this line')
    } catch (cause) {
      throw error('ARCHLOOM_STUDY_CORRUPT', { file, line, received }, { cause })
    }
    yield event
  }
}

/** As much of its form as reading on relies on. */
function isEvent(event: SearchEvent): boolean {
  if (typeof event?.type !== 'string' || typeof event.at !== 'number') return false
  if ('trial' in event && !Number.isInteger(event.trial)) return false
  const isRecord = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)
  switch (event.type) {
    case 'search.started':
      return Array.isArray(event.space?.decisions) && Array.isArray(event.objectives)
    case 'trial.proposed':
      return Array.isArray(event.genotype) && event.genotype.every((value) => typeof value === 'number')
    case 'trial.completed':
      return isRecord(event.metrics) && typeof event.reward === 'number'
    case 'controller.updated':
      return Array.isArray(event.trials)
    default:
      return true
  }
}

/** Locks that this process holds. */
const held = new Set<string>()

function takeLock(lock: string, study: string) {
  const path = resolve(lock)
  // The number is in the lock from its first moment, so that nobody takes a fresh one for that of a dead process.
  const mine = `${lock}.${process.pid}`
  try {
    writeFileSync(mine, String(process.pid))
    while (!held.has(path)) {
      if (created(lock, mine)) {
        held.add(path)
        return
      }
      if (writerOf(lock) !== undefined) break
      // A killed process leaves its lock behind.
      rmSync(lock, { force: true })
    }
  } catch (cause) {
    throw error('ARCHLOOM_STUDY_NOT_WRITABLE', { path: dirname(lock), message: messageOf(cause) }, { cause })
  } finally {
    rmSync(mine, { force: true })
  }
  throw error('ARCHLOOM_STUDY_LOCKED', { study, pid: writerOf(lock) ?? process.pid })
}

/** Whether `lock` was made, as a second name of `mine`; some file systems have no second names. */
function created(lock: string, mine: string): boolean {
  const isTaken = (cause: unknown) => (cause as NodeJS.ErrnoException).code === 'EEXIST'
  try {
    linkSync(mine, lock)
    return true
  } catch (cause) {
    if (isTaken(cause)) return false
  }
  try {
    copyFileSync(mine, lock, constants.COPYFILE_EXCL)
    return true
  } catch (cause) {
    if (isTaken(cause)) return false
    throw cause
  }
}

function releaseLock(lock: string) {
  held.delete(resolve(lock))
  rmSync(lock, { force: true })
}

/** The process that is writing the study in this folder now, if any. */
export const studyWriter = (directory: string): number | undefined => writerOf(join(directory, 'lock'))

function writerOf(lock: string): number | undefined {
  const pid = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0
  // In a container, the process that was killed and the one that goes on may well have the same number.
  if (pid === process.pid) return held.has(resolve(lock)) ? pid : undefined
  return isRunning(pid) ? pid : undefined
}

function isRunning(pid: number): boolean {
  if (!(pid > 0)) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM'
  }
}
