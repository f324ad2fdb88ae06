import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSearch, memoryStore, readEvents, type SearchEvent } from 'archloom'
import { readJournal } from 'archloom/node'
import { readSafetensors } from 'archloom/tensor'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readCheckpoint } from '../../../evaluators/weight-sharing/index.ts'
import { climbing, digits, sum } from '../search/parts.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'archloom-full-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Runs a case with files of at most 64 KiB: the write that crosses the limit is short, the next one refused. */
function limited(what: string): readonly string[] {
  const program = new URL('./modules/full-disk.ts', import.meta.url).pathname
  const command = `ulimit -f 64; exec "${process.execPath}" --conditions=archloom-source --import tsx "${program}" ${what} "${folder}"`
  const { stdout, stderr } = spawnSync('bash', ['-c', command], {
    encoding: 'utf8',
    env: { ...process.env, TSX_DISABLE_CACHE: '1' },
  })
  expect(stderr).toBe('')
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as string[]
}

describe('a disk that becomes full', { timeout: 120_000 }, () => {
  it('leaves every file that was there before, and is an error with a code', async () => {
    const written = 'ARCHLOOM_FILE_NOT_WRITABLE'
    expect(limited('files')).toEqual([written, written, written, written, 'ARCHLOOM_STUDY_NOT_WRITABLE'])
    const identity = { method: 'm', space: 's', spaceName: 'n', settings: '{}' }
    expect(readCheckpoint(folder, identity)?.weights[0]?.data).toEqual(new Float32Array(10).fill(1))
    const { weights } = await readSafetensors(join(folder, 'w.safetensors'))
    expect(weights[0]?.data).toEqual(new Float32Array(10).fill(1))
    for (const file of ['sync', 'async', 'study/a']) expect(readFileSync(join(folder, file), 'utf8')).toBe('good')
    expect(readdirSync(folder).sort()).toEqual(['async', 'checkpoint.bin', 'study', 'sync', 'w.safetensors'])
  })

  it('stops a search with ARCHLOOM_STUDY_NOT_WRITABLE; finished trials are kept, and the study can be continued', async () => {
    const full = 'ARCHLOOM_STUDY_NOT_WRITABLE'
    // Neither the second run nor the end reports another error than the first: they meet the same full disk.
    expect(limited('search')).toEqual([full, full, 'none'])
    const compose = (study: unknown) =>
      createSearch({
        space: digits,
        evaluator: (architecture: { readonly digit: readonly number[] }) => ({ sum: sum(architecture) }),
        plugins: [climbing()],
        objectives: { sum: 'maximise' },
        budget: { maxTrials: 300 },
        seed: 5,
        study,
      } as Parameters<typeof createSearch>[0])
    const journal = join(folder, 'mine', 'journal.jsonl')
    const completed = (events: readonly SearchEvent[]) =>
      events.flatMap((e) => (e.type === 'trial.completed' ? [[e.trial, ...e.genotype]] : []))
    const before = completed(await readEvents({ read: () => readJournal(journal) }))
    expect(before.length).toBeGreaterThan(20)
    expect(readFileSync(journal, 'utf8').endsWith('\n')).toBe(true)
    await using search = compose({ name: 'mine', directory: folder })
    await search.finish()
    const store = memoryStore()
    await using whole = compose(store)
    await whole.finish()
    const after = completed(await readEvents({ read: () => readJournal(journal) }))
    expect(after).toEqual(completed(await readEvents(store)))
    expect(after.slice(0, before.length)).toEqual(before)
  })
})
