import { lstat, open, rename, symlink, unlink } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Clock } from '../../core/index.ts'
import { error } from './errors.ts'
import { parsePythonJson, pythonJson } from './python-json.ts'
import { type JournalRecord, OP } from './records.ts'

/** Optuna regards a lock that is older than this as abandoned. */
const LOCK_MS = 30_000

/** The parts of a trial that are in the file already, by kind and name, and whether the trial has ended. */
interface Written {
  readonly id: number
  readonly keys: Set<string>
  ended: boolean
}

const keyOf = ({ op_code, param_name, step, user_attr, system_attr, state }: Readonly<Record<string, unknown>>) =>
  `${op_code} ${param_name ?? step ?? Object.keys((user_attr ?? system_attr ?? {}) as object)[0] ?? (state === 0 ? 'running' : '')}`

/**
 * One study in a journal file that Optuna may be writing at the same time. Ids count the records of the whole file, so
 * they are read from it under the lock before each write. Records that the file already contains are not written again.
 */
export function journalFile(path: string, studyName: string, clock: Clock) {
  const file = resolve(path)
  const lock = `${file}.lock`
  const worker = `archloom-${process.pid}-${clock.now()}`
  let [offset, line] = [0, 0]
  const studies = new Map<number, string>()
  let [nextStudy, nextTrial] = [0, 0]
  let study: { readonly id: number; readonly directions: string } | undefined
  /** By archloom's number: the n-th trial of the study. */
  const trials: Written[] = []
  const byId = new Map<number, Written>()
  const studyKeys = new Set<string>()

  const removeLock = async () => {
    const aside = `${lock}.${worker}.rename`
    await rename(lock, aside)
    await unlink(aside)
  }
  async function locked<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        await symlink(file, lock)
        break
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
        const { mtimeMs } = await lstat(lock).catch(() => ({ mtimeMs: clock.now() }))
        if (clock.now() - mtimeMs > LOCK_MS) await removeLock().catch(() => {})
        else await new Promise((done) => setTimeout(done, 10))
      }
    }
    try {
      return await work()
    } finally {
      await removeLock()
    }
  }

  /** Updates the state with one record of the file, from any writer. */
  function take(record: Readonly<Record<string, unknown>>) {
    switch (record.op_code) {
      case OP.createStudy: {
        const name = String(record.study_name)
        // Optuna ignores a second study of the same name.
        if ([...studies.values()].includes(name)) return
        const id = nextStudy++
        studies.set(id, name)
        if (name === studyName) study = { id, directions: JSON.stringify(record.directions) }
        return
      }
      case OP.deleteStudy: {
        const id = record.study_id as number
        studies.delete(id)
        if (study?.id !== id) return
        study = undefined
        trials.length = 0
        studyKeys.clear()
        return
      }
      case OP.studyAttribute:
        if (record.study_id === study?.id) studyKeys.add(keyOf(record))
        return
      case OP.createTrial: {
        if (!studies.has(record.study_id as number)) return
        const id = nextTrial++
        if (record.study_id !== study?.id) return
        const written: Written = { id, keys: new Set(), ended: ![undefined, 0, 4].includes(record.state as number) }
        trials.push(written)
        byId.set(id, written)
        return
      }
      default: {
        const written = byId.get(record.trial_id as number)
        if (!written || written.ended) return
        written.keys.add(keyOf(record))
        if (record.op_code === OP.state && [1, 2, 3].includes(record.state as number)) written.ended = true
      }
    }
  }

  /** The record in the form of the file; undefined if the file contains it already. */
  function bound({ trial, ...record }: JournalRecord): Readonly<Record<string, unknown>> | undefined {
    if (record.op_code === OP.createStudy) {
      const expected = JSON.stringify(record.directions)
      if (study && study.directions !== expected)
        throw error('ARCHLOOM_OPTUNA_JOURNAL_STUDY', {
          file,
          study: studyName,
          received: study.directions,
          expected,
        })
      return study ? undefined : record
    }
    if (!study) return undefined
    if (trial === undefined) return studyKeys.has(keyOf(record)) ? undefined : { ...record, study_id: study.id }
    const written = trials[trial]
    if (record.op_code === OP.createTrial) return written ? undefined : { ...record, study_id: study.id }
    return !written || written.ended || written.keys.has(keyOf(record))
      ? undefined
      : { ...record, trial_id: written.id }
  }

  return {
    /** Appends records; resolves when they are in the file. Errors: ARCHLOOM_OPTUNA_JOURNAL and those of its lines. */
    async append(records: readonly JournalRecord[]): Promise<void> {
      await locked(async () => {
        const handle = await open(file, 'a+')
        try {
          const { size } = await handle.stat()
          const bytes = Buffer.alloc(size - offset)
          await handle.read(bytes, 0, bytes.length, offset)
          const end = bytes.lastIndexOf(10) + 1
          // A last line without an end was cut off by a kill.
          if (end < bytes.length) await handle.truncate(offset + end)
          for (const text of bytes.toString('utf8', 0, end).split('\n').slice(0, -1)) {
            line++
            try {
              take(parsePythonJson(text) as Readonly<Record<string, unknown>>)
            } catch (cause) {
              throw error('ARCHLOOM_OPTUNA_JOURNAL_LINE', { file, line, received: text }, { cause })
            }
          }
          const lines: string[] = []
          for (const given of records) {
            const record = bound(given)
            if (!record) continue
            take(record)
            lines.push(`${pythonJson({ ...record, worker_id: worker })}\n`)
          }
          line += lines.length
          const added = Buffer.from(lines.join(''))
          await handle.appendFile(added)
          await handle.sync()
          offset += end + added.length
        } finally {
          await handle.close()
        }
      })
    },
  }
}
