import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
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
    unlinkSync(lock)
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
      closeSync(descriptor)
      unlinkSync(lock)
    },
  }
}

/** Bytes after the last line break. */
function tornTail(file: string): number {
  const bytes = readFileSync(file)
  return bytes.length - (bytes.lastIndexOf(10) + 1)
}

/** The events of a journal file. A cut last line is passed over; any other unreadable line is ARCHLOOM_STUDY_CORRUPT. */
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
      if (typeof event?.type !== 'string' || typeof event.seq !== 'number') throw new Error('not an event')
    } catch (cause) {
      throw error('ARCHLOOM_STUDY_CORRUPT', { file, line, received }, { cause })
    }
    yield event
  }
}

function takeLock(lock: string, study: string) {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' })
      return
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST')
        throw error('ARCHLOOM_STUDY_NOT_WRITABLE', { path: dirname(lock), message: messageOf(cause) }, { cause })
      const pid = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0
      if (isRunning(pid)) throw error('ARCHLOOM_STUDY_LOCKED', { study, pid })
      // A killed process leaves its lock behind.
      if (existsSync(lock)) unlinkSync(lock)
    }
  }
}

/** The process that is writing the study in this folder now, if any. */
export function studyWriter(directory: string): number | undefined {
  const lock = join(directory, 'lock')
  const pid = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0
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
