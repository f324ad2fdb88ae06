import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createSearch, type Decision, readRecord, studiesAt } from 'archloom'
import { form, optunaJournal } from 'archloom/plugins/optuna-journal'
import { random } from 'archloom/plugins/random'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parameterOf } from '../../../plugins/optuna-journal/distributions.ts'
import { journalFile } from '../../../plugins/optuna-journal/journal-file.ts'
import { parsePythonJson, pythonJson } from '../../../plugins/optuna-journal/python-json.ts'
import { describeWhere } from '../../conditional-suites.ts'
import { digits, sum } from '../../core/search/parts.ts'
import { eventfulStore, HOSTILE } from '../eventful-study.ts'

const GOLDEN = new URL('../../assets/optuna-journal.log', import.meta.url)

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'archloom-optuna-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

async function exported(): Promise<string> {
  const store = await eventfulStore()
  let text = ''
  for await (const { data } of form.exportStudy(store, await readRecord(store))) text += data
  return text
}
const records = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => parsePythonJson(line) as Readonly<Record<string, unknown>>)

describe('an exported journal', () => {
  it('is, byte for byte, the one that Optuna 5.0.0 has opened', async () => {
    expect(await exported()).toBe(readFileSync(GOLDEN, 'utf8'))
  })

  it('has a record for each fact, and ends trials after their facts', async () => {
    const all = records(await exported())
    expect(all.every(({ worker_id }) => worker_id === 'archloom')).toBe(true)
    expect(all[0]).toEqual({ op_code: 0, study_name: 'eventful', directions: [2, 1], worker_id: 'archloom' })
    const states = all.filter(({ op_code }) => op_code === 6).map(({ trial_id, state }) => [trial_id, state])
    expect(states).toEqual([
      [0, 1],
      [1, 3],
      [2, 2],
      [3, 1],
      [4, 1],
    ])
    const after = new Set<unknown>()
    for (const { op_code, trial_id, state } of all) {
      expect(after.has(trial_id)).toBe(false)
      if (op_code === 6 && state !== 0) after.add(trial_id)
    }
  })
})

describe('distributions', () => {
  const choice = (options: readonly unknown[], more: object = {}) =>
    parameterOf({ kind: 'choice', name: 'x', options, ordered: true, ...more } as Decision)
  it.each([
    ['whole numbers', choice([2, 4, 6]), 'IntDistribution', { log: false, step: 2, low: 2, high: 6 }, 4],
    [
      'on a log scale',
      choice([1, 2, 3], { scale: 'log' }),
      'IntDistribution',
      { log: true, step: 1, low: 1, high: 3 },
      2,
    ],
    [
      'with a step, on a log scale',
      choice([2, 4, 6], { scale: 'log' }),
      'CategoricalDistribution',
      { choices: [2, 4, 6] },
      1,
    ],
    ['powers', choice([1, 2, 4]), 'CategoricalDistribution', { choices: [1, 2, 4] }, 1],
    ['without order', choice([1, 2, 3], { ordered: false }), 'CategoricalDistribution', { choices: [1, 2, 3] }, 1],
    ['a single one', choice([7]), 'CategoricalDistribution', { choices: [7] }, 1],
    ['lists', choice([[3, 3], 'a']), 'CategoricalDistribution', { choices: ['[3,3]', 'a'] }, 1],
    ['equal in Python', choice([1, true]), 'CategoricalDistribution', { choices: ['1', 'true'] }, 1],
    ['equal as text', choice(['[1]', [1]]), 'CategoricalDistribution', { choices: ['"[1]"', '[1]'] }, 1],
  ])('%s', (_, { distribution, internal }, name, attributes, second) => {
    expect(JSON.parse(distribution)).toEqual({ name, attributes })
    expect(internal(1)).toBe(second)
  })

  it('a real value outside its range, as an inactive decision has, is left out', () => {
    const { distribution, internal } = parameterOf({ kind: 'real', name: 'x', min: 1, max: 2, scale: 'log' })
    expect(JSON.parse(distribution)).toEqual({
      name: 'FloatDistribution',
      attributes: { step: null, low: 1, high: 2, log: true },
    })
    expect([0, 1, 1.5, 2].map(internal)).toEqual([undefined, 1, 1.5, 2])
  })
})

it("Python's tokens are written and read, but not inside of texts", () => {
  const text = pythonJson({ a: Number.NaN, b: [Number.NEGATIVE_INFINITY], c: 'NaN "Infinity', d: undefined })
  expect(text).toBe('{"a":NaN,"b":[-Infinity],"c":"NaN \\"Infinity"}')
  expect(parsePythonJson(text)).toEqual({ a: null, b: [null], c: 'NaN "Infinity' })
})

describe('the observer', () => {
  const file = () => join(directory, 'journal.log')
  const compose = async (maxTrials: number, more: object = {}) =>
    createSearch({
      space: digits,
      evaluator: (architecture: { readonly digit: readonly number[] }) => ({ sum: sum(architecture) }),
      plugins: [random(), optunaJournal({ file: file(), everyMs: 1, ...more })],
      objectives: { sum: 'maximise' },
      budget: { maxTrials },
      study: { name: 'mine', storage: await studiesAt(`journal:${directory}`) },
    })
  const ended = () => records(readFileSync(file(), 'utf8')).filter(({ op_code }) => op_code === 6)

  it('writes a study, and goes on where it is resumed', async () => {
    for (const maxTrials of [3, 6]) {
      await using search = await compose(maxTrials)
      await search.finish()
    }
    expect(ended().map(({ trial_id }) => trial_id)).toEqual([0, 1, 2, 3, 4, 5])
    const all = records(readFileSync(file(), 'utf8'))
    expect(all.filter(({ op_code }) => op_code === 0)).toHaveLength(1)
    expect(all.filter(({ op_code }) => op_code === 4)).toHaveLength(6)
    expect(all.filter(({ op_code }) => op_code === 5)).toHaveLength(24)
  })

  it('counts ids over all studies of the file, and mends a last line that was cut off', async () => {
    const other = [
      { op_code: 0, study_name: 'other', directions: [1], worker_id: 'x' },
      { op_code: 0, study_name: 'other', directions: [1], worker_id: 'x' },
      { op_code: 4, study_id: 0, datetime_start: null, worker_id: 'x' },
      { op_code: 4, study_id: 7, datetime_start: null, worker_id: 'x' },
    ]
    writeFileSync(file(), `${other.map((record) => JSON.stringify(record)).join('\n')}\n{"op_code": 4, "stu`)
    await using search = await compose(2)
    await search.finish()
    await search[Symbol.asyncDispose]()
    const all = records(readFileSync(file(), 'utf8'))
    expect(all.filter(({ op_code }) => op_code === 4).map(({ study_id }) => study_id)).toEqual([0, 7, 1, 1])
    expect(ended().map(({ trial_id }) => trial_id)).toEqual([1, 2])
  })

  it('finishes a trial whose records were cut off half way', async () => {
    {
      await using search = await compose(2)
      await search.finish()
    }
    const whole = readFileSync(file(), 'utf8')
    const lines = whole.split('\n')
    const cut = lines.findIndex((line) => line.includes('"op_code":5') && line.includes('"trial_id":1'))
    writeFileSync(file(), `${lines.slice(0, cut + 1).join('\n')}\n`)
    {
      await using search = await compose(2)
      await search.finish()
    }
    const bare = (text: string) => records(text).map(({ worker_id: _, ...record }) => record)
    expect(bare(readFileSync(file(), 'utf8'))).toEqual(bare(whole))
  })

  it('does not stop a search when it cannot write, and fails at the end', async () => {
    const lost = join(directory, 'no', 'folder', 'journal.log')
    const search = await compose(3, { file: lost })
    await search.finish()
    expect(search.record().state).toMatchObject({ status: 'finished', completed: 3 })
    await expect(search[Symbol.asyncDispose]()).rejects.toThrow(/^ARCHLOOM_OPTUNA_JOURNAL: .*ENOENT/)
  })

  it('refuses a file of something else, and another study of the same name', async () => {
    const clock = { now: () => 0 } as never
    writeFileSync(file(), '{"op_code": 0\n')
    await expect(journalFile(file(), 'mine', clock).append([])).rejects.toThrow(
      /^ARCHLOOM_OPTUNA_JOURNAL_LINE: line 1 of .* is "{\\"op_code\\": 0"; expected a record/,
    )
    writeFileSync(file(), `${JSON.stringify({ op_code: 0, study_name: 'mine', directions: [1], worker_id: 'x' })}\n`)
    const record = { op_code: 0, study_name: 'mine', directions: [2] }
    await expect(journalFile(file(), 'mine', clock).append([record])).rejects.toThrow(
      /^ARCHLOOM_OPTUNA_JOURNAL_STUDY: .* with directions "\[1\]"; expected "\[2\]"/,
    )
  })

  it('breaks a lock whose owner died, after the time that Optuna waits', async () => {
    symlinkSync(file(), `${file()}.lock`)
    let now = Date.UTC(2100, 0, 1)
    await journalFile(file(), 'mine', { now: () => now++ } as never).append([
      { op_code: 0, study_name: 'mine', directions: [2] },
    ])
    expect(records(readFileSync(file(), 'utf8'))).toHaveLength(1)
  })
})

const python = process.env.ARCHLOOM_PYTHON ?? 'python3'
const hasOptuna = spawnSync(python, ['-c', 'import optuna'], { stdio: 'ignore' }).status === 0
describeWhere(hasOptuna, 'the real Optuna', () => {
  it('opens the journal and finds every trial as the study has it', async () => {
    const file = join(directory, 'journal.log')
    writeFileSync(file, await exported())
    const script = `
import json, sys, optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
study = optuna.load_study(study_name='eventful', storage=JournalStorage(JournalFileBackend(sys.argv[1])))
print(json.dumps({
  'directions': [d.name for d in study.directions],
  'states': [t.state.name for t in study.trials],
  'values': [t.values for t in study.trials],
  'params': study.trials[1].params,
  'types': {k: type(v).__name__ for k, v in study.trials[1].distributions.items()},
  'curve': {k: str(v) for k, v in study.trials[0].intermediate_values.items()},
  'rungs': study.trials[2].user_attrs['rung 0'],
  'constraints': study.trials[3].system_attrs['constraints'],
  'failure': study.trials[1].user_attrs['failure']['message'],
  'best': sorted(t.number for t in study.best_trials),
  'seconds': (study.trials[0].datetime_complete - study.trials[0].datetime_start).total_seconds(),
}))`
    const found = JSON.parse(execFileSync(python, ['-c', script, file], { encoding: 'utf8' }))
    expect(found).toMatchObject({
      directions: ['MAXIMIZE', 'MINIMIZE'],
      states: ['COMPLETE', 'FAIL', 'PRUNED', 'COMPLETE', 'COMPLETE', 'RUNNING', 'WAITING'],
      params: { operation: HOSTILE, shape: '[5,5]', width: 64, depth: 16, rate: 1, drop: 0 },
      types: {
        operation: 'CategoricalDistribution',
        shape: 'CategoricalDistribution',
        width: 'IntDistribution',
        depth: 'IntDistribution',
        rate: 'FloatDistribution',
        drop: 'FloatDistribution',
      },
      curve: { '1': 'nan', '2': '0.5', '3': '0.75' },
      rungs: { fidelity: 0.25, accuracy: 0.25, latencyMs: 4 },
      constraints: [2],
      failure: `no luck: ${HOSTILE}`,
      seconds: 240,
    })
    expect(found.values[0]).toEqual([0.75, 8])
    // Optuna compares without constraints where it is not told to look at them.
    expect(found.best).toContain(4)
  })
})

const command = python.includes('/') ? join(dirname(python), 'optuna-dashboard') : 'optuna-dashboard'
const hasDashboard = hasOptuna && spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0
describeWhere(hasDashboard, 'the real optuna-dashboard (needs the Python that ARCHLOOM_PYTHON names)', () => {
  it('shows the study and every trial', { timeout: 60_000 }, async () => {
    const file = join(directory, 'journal.log')
    writeFileSync(file, await exported())
    const probe = createServer().listen(0, '127.0.0.1')
    await once(probe, 'listening')
    const { port } = probe.address() as AddressInfo
    probe.close()
    const server = spawn(command, [file, '--host', '127.0.0.1', '--port', String(port)], { stdio: 'ignore' })
    try {
      const ask = async (path: string) =>
        (await (await fetch(`http://127.0.0.1:${port}/api/${path}`)).json()) as {
          study_summaries: readonly { study_id: number; study_name: string }[]
          directions: readonly string[]
          trials: readonly { state: string; values?: readonly number[]; params: readonly { name: string }[] }[]
        }
      let listed: Awaited<ReturnType<typeof ask>> | undefined
      while (!listed) {
        listed = await ask('studies').catch(() => undefined)
        if (!listed) await new Promise((resolve) => setTimeout(resolve, 100))
      }
      expect(listed.study_summaries.map(({ study_name }) => study_name)).toEqual(['eventful'])
      const shown = await ask(`studies/${listed.study_summaries[0]!.study_id}?after=0`)
      expect(shown.directions).toEqual(['maximize', 'minimize'])
      expect(shown.trials.map(({ state }) => state)).toEqual([
        'Complete',
        'Fail',
        'Pruned',
        'Complete',
        'Complete',
        'Running',
        'Waiting',
      ])
      expect(shown.trials[0]!.values).toEqual([0.75, 8])
      expect(shown.trials[1]!.params.map(({ name }) => name)).toContain('operation')
    } finally {
      server.kill()
    }
  })
})
