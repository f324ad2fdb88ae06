import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmdirSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { messageOf } from '../errors.ts'
import { optionError, optionNames } from '../options/index.ts'
import { error } from '../study/errors.ts'
import { endTrials } from '../study/rows.ts'
import { type Artifacts, decodeEvent, encodeEvent, notifier, type Recalled, type Store } from '../study/store.ts'
import type { SearchEvent } from '../trial/events.ts'
import { crc32, withChecksum, withoutChecksum } from './checksum.ts'
import { removeUnfinished } from './files.ts'
import { folderChange } from './folder-change.ts'
import { type Place, readLines } from './lines.ts'
import { lockHolder, releaseLock, takeLock } from './lock.ts'
import { readSnapshot, removeSnapshot, writeSnapshot } from './snapshot.ts'

export const JOURNAL_FILE = 'journal.jsonl'
const SNAPSHOT_FILE = 'journal.snapshot'
const LOCK_FILE = 'lock'
/** Names that no artifact may have. */
const OWN_FILES: ReadonlySet<string> = new Set([JOURNAL_FILE, SNAPSHOT_FILE])

export interface JournalOptions {
  /**
   * When to force events to the disk itself. A killed process loses no event with either setting; with 'never', a
   * power cut may lose the last seconds. 'trial' forces after each ended trial. Default: 'never'.
   */
  readonly fsync?: 'never' | 'trial'
}

/** Milliseconds between two checks that the file still exists. A check costs as much as a write. */
const LOOK_MS = 50

const journalStoreNames = optionNames<JournalOptions>('journalStore', { fsync: true })

/** Refuses another `fsync` than those there are. Error: ARCHLOOM_OPTION. */
export function checkFsync(where: string, { fsync }: JournalOptions): void {
  if (fsync !== undefined && fsync !== 'never' && fsync !== 'trial')
    throw optionError(where, 'fsync', fsync, "'never' or 'trial'")
}

/**
 * One study as an append-only file of one JSON event per line, in a folder of its own; artifacts are files beside it. The last
 * field of a line, `crc`, is the CRC-32 of the line without it; lines without it, such as those of 0.1, are read as they are.
 * `journal.snapshot` beside it is a fold of its first lines, for fast reading; whoever deletes it loses nothing.
 * Opening takes a lock against a second writer.
 * Errors: ARCHLOOM_STUDY_LOCKED, ARCHLOOM_STUDY_NOT_WRITABLE; later ARCHLOOM_STUDY_CLOSED, ARCHLOOM_STUDY_REMOVED.
 */
export function journalStore(directory: string, given: JournalOptions = {}): Store {
  const { fsync = 'never' } = journalStoreNames(given)
  checkFsync('journalStore', given)
  const file = join(directory, JOURNAL_FILE)
  const snapshot = join(directory, SNAPSHOT_FILE)
  const lock = join(directory, LOCK_FILE)
  const name = basename(resolve(directory))
  const notWritable = (path: string, cause: unknown) =>
    error('ARCHLOOM_STUDY_NOT_WRITABLE', { path, message: messageOf(cause) }, { cause })
  let holder: string | undefined
  try {
    mkdirSync(directory, { recursive: true })
    holder = takeLock(lock)
  } catch (cause) {
    throw notWritable(directory, cause)
  }
  if (holder !== undefined) throw error('ARCHLOOM_STUDY_LOCKED', { study: name, by: holder })
  const notes: string[] = []
  let descriptor: number
  /** Bytes of whole lines. */
  let size = 0
  try {
    descriptor = openSync(file, 'a+')
    const { whole, torn } = tornTail(descriptor)
    if (torn > 0) {
      notes.push(`the last line was incomplete (${torn} bytes, an event that no one had seen) and was removed`)
      ftruncateSync(descriptor, whole)
    }
    size = whole
    removeUnfinished(snapshot)
  } catch (cause) {
    releaseLock(lock)
    throw notWritable(file, cause)
  }
  const { notify, wait } = notifier()
  /** How far lines have been read or written, with the checksum of all bytes before. */
  let known: Place = { line: 0, offset: 0, crc: 0 }
  const learn = (place: Place) => {
    if (place.offset > known.offset) known = { ...place }
  }
  let isOpen = true
  let isTorn = false
  let lookedAt = 0
  /** Removes the part of a line that a failed write left. */
  const mend = () => {
    isTorn = true
    ftruncateSync(descriptor, size)
    isTorn = false
  }
  return {
    name,
    location: directory,
    notes,
    append(events) {
      if (!isOpen) throw error('ARCHLOOM_STUDY_CLOSED', { study: name })
      let text = ''
      for (const event of events) text += `${withChecksum(encodeEvent(event))}\n`
      const bytes = Buffer.from(text)
      for (let isWritten = false; !isWritten; )
        try {
          if (isTorn) mend()
          // A full disk may accept a part of a line: write until the line is complete or refused.
          for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written)
          if (fsync === 'trial' && endTrials(events)) fsyncSync(descriptor)
          isWritten = true
        } catch (cause) {
          try {
            mend()
          } catch {}
          // The journal needs the space more than its snapshot.
          if ((cause as NodeJS.ErrnoException).code !== 'ENOSPC' || !removeSnapshot(snapshot))
            throw notWritable(file, cause)
        }
      if (known.offset === size)
        known = {
          line: known.line + events.length,
          offset: size + bytes.length,
          crc: crc32(bytes, known.crc),
        }
      size += bytes.length
      if (performance.now() - lookedAt > LOOK_MS) {
        lookedAt = performance.now()
        if (fstatSync(descriptor).nlink === 0) throw error('ARCHLOOM_STUDY_REMOVED', { study: name })
      }
      notify()
    },
    read: (from = 0) => readEvents(file, from, { line: 0, offset: 0, crc: 0 }, from === 0 ? learn : undefined),
    tail: (from, signal) => tailJournal(file, from, signal, wait),
    artifacts: folderArtifacts(directory),
    snapshot: {
      keep(events, parts) {
        // The bytes that this store has not seen itself may differ from what the fold holds.
        if (isOpen && known.offset === size && known.line === events && size > 0) writeSnapshot(snapshot, known, parts)
      },
      recall: () => recall(directory),
    },
    close() {
      if (!isOpen) return
      isOpen = false
      const { nlink } = fstatSync(descriptor)
      closeSync(descriptor)
      // A search that never ran leaves no study behind.
      if (size === 0 && nlink > 0) {
        rmSync(file, { force: true })
        removeSnapshot(snapshot)
      }
      releaseLock(lock)
      if (size === 0 && existsSync(directory) && readdirSync(directory).length === 0) rmdirSync(directory)
    },
  }
}

/** The same folder opened for reading only, while another process may be writing it. */
export function journalReader(directory: string): Store {
  const file = join(directory, JOURNAL_FILE)
  const name = basename(resolve(directory))
  const never = notifier()
  return {
    name,
    location: directory,
    notes: [],
    append() {
      throw error('ARCHLOOM_STUDY_NOT_WRITABLE', { path: file, message: 'the study was opened for reading' })
    },
    read: (from = 0) => readJournal(file, from),
    tail: (from, signal) => tailJournal(file, from, signal, never.wait),
    artifacts: folderArtifacts(directory),
    snapshot: { keep() {}, recall: () => recall(directory) },
    close: () => {},
  }
}

/** Whether a process is writing the study in this folder now. */
export const isJournalWritten = (directory: string): boolean => lockHolder(join(directory, LOCK_FILE)) !== undefined

/** Bytes up to the last line break, and after it. */
function tornTail(descriptor: number): { whole: number; torn: number } {
  const { size } = fstatSync(descriptor)
  const block = Buffer.alloc(65_536)
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - block.length)
    const read = readSync(descriptor, block, 0, end - start, start)
    const at = block.subarray(0, read).lastIndexOf(10)
    if (at >= 0) return { whole: start + at + 1, torn: size - (start + at + 1) }
    end = start
  }
  return { whole: 0, torn: size }
}

/** The snapshot of the study in a folder, if it belongs to the journal, and the events after it. */
async function recall(directory: string): Promise<Recalled | undefined> {
  const file = join(directory, JOURNAL_FILE)
  const found = await readSnapshot(join(directory, SNAPSHOT_FILE), file)
  return found && { events: found.after.line, parts: found.parts, rest: () => readEvents(file, 0, found.after) }
}

/**
 * The events of a journal file from number `from`, in batches of a block each: files may have any size. An incomplete
 * last line is skipped; any other line that is not the event of its number is ARCHLOOM_STUDY_CORRUPT.
 */
export async function* readJournal(file: string, from = 0): AsyncGenerator<readonly SearchEvent[], void, void> {
  yield* readEvents(file, from, { line: 0, offset: 0 })
}

/** The events after a place in the journal. `seen` is called with each place up to which all lines have been checked. */
async function* readEvents(
  file: string,
  from: number,
  place: Place,
  seen?: (place: Place) => void,
): AsyncGenerator<readonly SearchEvent[], void, void> {
  let line = place.line
  for await (const lines of readLines(file, place)) {
    const batch: SearchEvent[] = []
    for (const text of lines) if (++line > from) batch.push(eventOf(file, line, text))
    seen?.(place)
    if (batch.length > 0) yield batch
  }
}

function eventOf(file: string, line: number, received: string): SearchEvent {
  const text = withoutChecksum(received)
  if (text === undefined)
    throw error('ARCHLOOM_STUDY_CORRUPT', {
      file,
      line,
      received: `not what was written (its checksum differs): ${received}`,
    })
  try {
    const event = decodeEvent(text)
    // The other fields are checked when the event is folded.
    if (event?.seq === line - 1 && typeof event.type === 'string') return event
  } catch (cause) {
    throw error('ARCHLOOM_STUDY_CORRUPT', { file, line, received }, { cause })
  }
  throw error('ARCHLOOM_STUDY_CORRUPT', { file, line, received })
}

/** Continues reading as the file grows, whichever process writes it. */
async function* tailJournal(
  file: string,
  from: number,
  signal: AbortSignal,
  wait: (signal: AbortSignal) => Promise<void>,
): AsyncGenerator<readonly SearchEvent[], void, void> {
  const place = { line: 0, offset: 0 }
  while (true) {
    yield* readEvents(file, from, place)
    if (signal.aborted) return
    await folderChange(dirname(file), signal, wait)
  }
}

/** Artifacts as files of a folder. Error: ARCHLOOM_STUDY_NOT_WRITABLE; ARCHLOOM_ARTIFACT_NAME for a name that leaves it. */
export function folderArtifacts(directory: string): Artifacts {
  const root = resolve(directory)
  const pathOf = (name: string) => {
    const path = resolve(root, name)
    if (typeof name !== 'string' || name === '' || !path.startsWith(root + sep) || OWN_FILES.has(name))
      throw error('ARCHLOOM_ARTIFACT_NAME', { received: name })
    return path
  }
  return {
    async write(name, data) {
      const path = pathOf(name)
      const part = `${path}.${process.pid}.part`
      try {
        await mkdir(dirname(path), { recursive: true })
        const handle = await open(part, 'w')
        try {
          await handle.writeFile(data)
          await handle.sync()
        } finally {
          await handle.close()
        }
        await rename(part, path)
      } catch (cause) {
        await rm(part, { force: true })
        throw error('ARCHLOOM_STUDY_NOT_WRITABLE', { path, message: messageOf(cause) }, { cause })
      }
    },
    async read(name) {
      try {
        return await readFile(pathOf(name))
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw cause
      }
    },
    remove: async (name) => rm(pathOf(name), { force: true }),
    async list() {
      if (!existsSync(root)) return []
      const entries = await readdir(root, { recursive: true, withFileTypes: true })
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
        .filter((name) => !OWN_FILES.has(name) && name !== LOCK_FILE && !name.endsWith('.part'))
        .sort()
    },
  }
}
