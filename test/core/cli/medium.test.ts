import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { documentsOf } from '../../../core/cli/commands/medium.ts'
import { runUnits } from '../../../core/cli/medium/runner.ts'
import { claimsOf, summaryOf } from '../../../core/cli/medium/summary.ts'
import { handOver, keyOf, linesOf, readResults, unitsOf } from '../../../core/cli/medium/units.ts'
import { mediumNames, mediumOf } from '../../../core/cli/names.ts'
import type { Experiment } from '../../../core/reproduction.ts'
import { medium } from './modules/medium.ts'
import { archloom } from './terminal.ts'

const module = new URL('./modules/medium.ts', import.meta.url)
const cli = fileURLToPath(new URL('../../../core/cli/', import.meta.url))
let folder: string
let notes: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'medium-'))
  notes = join(folder, 'notes.txt')
  process.env.FAKE_NOTES = notes
})
afterEach(() => {
  for (const name of ['FAKE_NOTES', 'FAKE_MS', 'FAKE_FAILS', 'FAKE_NAN']) delete process.env[name]
  rmSync(folder, { recursive: true, force: true })
})

const options = () => ({
  experiment: medium,
  module,
  results: join(folder, 'results.jsonl'),
  work: join(folder, 'work'),
  jobs: 2,
  resume: true,
  log: (_: string) => {},
  signal: new AbortController().signal,
})
const noted = (kind: string) =>
  existsSync(notes)
    ? readFileSync(notes, 'utf8')
        .trim()
        .split('\n')
        .filter((line) => line.startsWith(kind))
    : []
const keys = (units: readonly { part: string; arm: string; seed: number }[]) => [...new Set(units.map(keyOf))].sort()

describe('the medium scale', () => {
  it('runs every unit once in a process of one thread, seeds prepared before their arms', async () => {
    const said: string[] = []
    const { lines, failed } = await runUnits({ ...options(), log: (text) => said.push(text) })
    expect(failed).toEqual([])
    expect(keys(lines.filter(({ arm }) => arm !== '(preparation)'))).toEqual(keys(unitsOf(medium)))
    expect(noted('prepare').sort()).toEqual(['prepare 1', 'prepare 2', 'prepare 3'])
    expect(noted('end')).toHaveLength(12)
    expect(lines.filter(({ metric }) => metric === 'threads').map(({ value }) => value)).toEqual(Array(6).fill(1))
    // What arms found of their preparation.
    const starts = lines.filter(({ part, metric }) => part === 'prepared' && metric === 'score')
    for (const { seed, value } of starts) expect(value).toBe(seed)
    // The file has them in the order of the experiment, whatever order they ended in.
    const order = readResults(options().results).map(({ part, seed }) => `${part} ${seed}`)
    expect([...new Set(order)]).toEqual(
      [1, 2, 3].map((s) => `alone ${s}`).concat([1, 2, 3].map((s) => `prepared ${s}`)),
    )
    expect(said[0]).toBe('fake: 0 of 12 units are finished')
    expect(said.at(-1)).toMatch(/^\[12\/12\] prepared\/.*: score \d .*left\)$/)
    // Nothing is left to do.
    await runUnits(options())
    expect(noted('begin')).toHaveLength(12)
  }, 300_000)

  it('continues after kill -9, and repeats no finished unit', async () => {
    const program = join(folder, 'program.mjs')
    const { log: _, signal: __, experiment: ___, ...plain } = options()
    writeFileSync(
      program,
      `import { runUnits } from ${JSON.stringify(pathToFileURL(join(cli, 'medium/runner.ts')).href)}
import { medium } from ${JSON.stringify(module.href)}
await runUnits({ ...${JSON.stringify({ ...plain, module: undefined })}, module: new URL(${JSON.stringify(module.href)}),
  experiment: medium, log: () => {}, signal: new AbortController().signal })
`,
    )
    const child = spawn(process.execPath, ['--import', pathToFileURL(join(cli, 'typescript.mjs')).href, program], {
      env: { ...process.env, FAKE_MS: '400' },
      stdio: 'ignore',
    })
    const ended = new Promise((resolve) => child.once('exit', resolve))
    // In the middle of a unit: one has ended, and a later one has begun.
    while (noted('end').length < 1 || noted('begin').length <= noted('end').length)
      await new Promise((r) => setTimeout(r, 10))
    child.kill('SIGKILL')
    await ended
    // Processes of units end with their parent.
    const before = noted('end').length
    await new Promise((resolve) => setTimeout(resolve, 1000))
    expect(noted('end').length).toBeLessThanOrEqual(before + 2)
    expect(existsSync(`${options().results}.lock`)).toBe(true)

    const { lines, failed } = await runUnits(options())
    expect(failed).toEqual([])
    expect(keys(lines.filter(({ arm }) => arm !== '(preparation)'))).toEqual(keys(unitsOf(medium)))
    expect(lines).toHaveLength(6 * 3 + 6 + 3)
    // A unit that had handed over its results before the kill has not begun again.
    const begun = noted('begin').map((line) => line.slice(6))
    const ends = noted('end').map((line) => line.slice(4))
    expect(new Set(ends).size).toBe(12)
    for (const unit of new Set(begun)) {
      const [times, finished] = [
        begun.filter((each) => each === unit).length,
        ends.filter((each) => each === unit).length,
      ]
      expect({ unit, times: times - finished <= 1, finished }).toEqual({ unit, times: true, finished: 1 })
    }
  }, 300_000)

  it('counts a unit as finished that ended after its parent', async () => {
    const unit = { part: 'alone', arm: 'plain', seed: 2 }
    const [{ settings = '' } = {}] = (await runUnits({ ...options(), only: ['alone/plain/1'] })).lines
    handOver(options().work, unit, linesOf(unit, [{ metric: 'score', value: 7 }], { seconds: 1, settings }))
    const { lines } = await runUnits({ ...options(), only: ['alone/plain'] })
    expect(noted('end').sort()).toEqual(['end alone/plain/1', 'end alone/plain/3'])
    expect(lines.find(({ seed }) => seed === 2)?.value).toBe(7)
  }, 180_000)

  it('runs again what failed, and leaves out the arms of a seed that cannot be prepared', async () => {
    process.env.FAKE_FAILS = '2'
    const first = await runUnits({ ...options(), only: ['prepared'] })
    expect(first.failed).toMatchObject([{ unit: { part: 'prepared', seed: 2 } }])
    expect(first.failed[0]?.message).toMatch(/no data today/)
    expect(noted('end')).toHaveLength(4)
    delete process.env.FAKE_FAILS
    expect((await runUnits({ ...options(), only: ['prepared'] })).failed).toEqual([])
    expect(noted('end')).toHaveLength(6)
    expect(noted('prepare 2')).toHaveLength(2)
  }, 180_000)

  it('refuses numbers that are not finite, other settings, strange lines, a second run and unknown units', async () => {
    process.env.FAKE_NAN = '1'
    const { failed, lines } = await runUnits({ ...options(), only: ['prepared/plain/1'] })
    expect(failed[0]?.message).toMatch(/ARCHLOOM_UNIT_VALUE: unit "prepared\/plain\/1" measured .*NaN/)
    expect(lines.every(({ arm }) => arm === '(preparation)')).toBe(true)
    delete process.env.FAKE_NAN

    const { results } = options()
    await expect(runUnits({ ...options(), resume: false })).rejects.toThrow(/^ARCHLOOM_RESULTS_EXIST: .*--resume/)
    await expect(runUnits({ ...options(), only: ['alone/best'] })).rejects.toThrow(
      /^ARCHLOOM_UNIT_UNKNOWN: .*alone\/\{plain/,
    )
    const [part] = medium.parts
    const other: Experiment = { paper: 'fake', parts: [{ ...part!, name: 'prepared', settings: 'other' }] }
    await expect(runUnits({ ...options(), experiment: other })).rejects.toThrow(
      /^ARCHLOOM_RESULTS_SETTINGS: part "prepared"/,
    )
    writeFileSync(`${results}.lock`, String(process.pid))
    await expect(runUnits(options())).rejects.toThrow(new RegExp(`^ARCHLOOM_RESULTS_BUSY: process ${process.pid}`))
    rmSync(`${results}.lock`)
    writeFileSync(results, '{"part":"alone","arm":"plain","seed":1,"step":0,"metric":"score","value":null}\n')
    await expect(runUnits(options())).rejects.toThrow(/^ARCHLOOM_RESULTS_LINE: line 1 of .*"value/)
  }, 180_000)
})

describe('what is written from a results file', () => {
  const settings = 'abcd1234'
  const lines = unitsOf(medium)
    .filter(({ part }) => part === 'alone')
    .flatMap((unit) =>
      linesOf(
        unit,
        [
          { step: 1, metric: 'score', value: -5 },
          { step: 2, metric: 'score', value: 10 * unit.seed + (unit.arm === 'plain' ? 0 : 2 + 0.1 * unit.seed) },
        ],
        { seconds: 30, settings },
      ),
    )

  it('is the paired difference of the last step with its standard error', () => {
    const [claim] = claimsOf(summaryOf(medium, lines))
    // 2.1, 2.2, 2.3: mean 2.2, sd 0.1, standard error 0.1/√3.
    expect(claim?.difference?.mean).toBeCloseTo(2.2, 12)
    expect(claim?.difference?.error).toBeCloseTo(0.1 / Math.sqrt(3), 12)
    expect(claim).toMatchObject({ verdict: 'holds', holds: true, published: 1, baseline: { name: 'plain', mean: 20 } })
    // Seeds that only one arm has are left out.
    const [fewer] = claimsOf(
      summaryOf(
        medium,
        lines.filter(({ arm, seed }) => arm === 'plain' || seed < 2),
      ),
    )
    expect(fewer).toMatchObject({ verdict: 'not measurable here', baseline: { mean: 10, seeds: 1 } })
  })

  it('is a table with verdicts and a plot; a second time it changes nothing', () => {
    mkdirSync(join(folder, 'results'))
    writeFileSync(join(folder, 'results', 'medium.jsonl'), lines.map((line) => JSON.stringify(line)).join('\n'))
    writeFileSync(join(folder, 'RESULTS.md'), '# Results of fake\n\nBy hand.\n')
    const documents = documentsOf(medium, folder)
    expect([...documents.keys()]).toEqual(['RESULTS.md', 'results/medium-alone.svg'])
    const text = documents.get('RESULTS.md') as string
    expect(text).toMatch(/^# Results of fake\n\nBy hand\.\n\n<!-- begin/)
    expect(text).toContain('| plain | 20.0 ± 10.0 (3) |  | 30 |')
    expect(text).toContain(
      '| Better is better | better \\| faster − plain, score | +2.2 ± 0.1 (3) | +1.0 | **holds** |',
    )
    expect(text).toContain('All 6 units are finished; they took 3 min 00 s of processor time.')
    expect(text).toContain('Not run yet: Part prepared.')
    expect(documents.get('results/medium-alone.svg')?.match(/<circle/g)).toHaveLength(6)
    writeFileSync(join(folder, 'RESULTS.md'), `${text}\nBelow.\n`)
    expect(documentsOf(medium, folder).get('RESULTS.md')).toBe(`${text}\nBelow.\n`)
  })

  it.each(mediumNames())('%s has the tables and plots that its results file gives', async (paper) => {
    const { medium: experiment } = (await import(mediumOf(paper).href)) as { medium: Experiment }
    expect(experiment.paper).toBe(paper)
    expect(new Set(unitsOf(experiment).map(keyOf)).size).toBe(unitsOf(experiment).length)
    for (const { name, arms, metrics, comparisons } of experiment.parts) {
      expect(name).toMatch(/^[a-z0-9-]+$/)
      for (const { arm, control, metric } of comparisons) {
        expect(arms).toEqual(expect.arrayContaining([arm, control]))
        expect(metrics.map((each) => each.name)).toContain(metric)
      }
    }
    const place = fileURLToPath(new URL('.', mediumOf(paper)))
    if (!existsSync(join(place, 'results', 'medium.jsonl'))) return
    for (const [name, text] of documentsOf(experiment, place))
      expect(readFileSync(join(place, name), 'utf8'), `run \`npm run results -- ${paper}\``).toBe(text)
  })
})

describe('the command line', () => {
  it('keeps the options of the medium scale to it', async () => {
    for (const [said, ...args] of [
      [/--resume requires --scale medium/, '--resume'],
      [/--only requires --scale medium/, '--only', 'x'],
      [/has fixed seeds/, '--scale', 'medium', '--seed', '3'],
    ] as const) {
      const { code, stderr } = await archloom('reproduce', 'mbn', ...args)
      expect(stderr).toMatch(said)
      expect(code).toBe(2)
    }
  })

  it('refuses a paper without a medium scale', async () => {
    const { code, stderr } = await archloom('reproduce', 'random', '--scale', 'medium')
    expect(stderr).toMatch(/^ARCHLOOM_EXPERIMENT_UNKNOWN: plugin "random"/)
    expect(code).toBe(1)
    expect((await archloom('results', 'random')).code).toBe(1)
  })
})
