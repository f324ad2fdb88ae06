import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  announced,
  askTell,
  createSearch,
  definePlugin,
  defineSpace,
  exportTop,
  oneOf,
  product,
  readStudy,
  repeat,
  seeded,
  tokens,
} from 'archloom'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Output } from '../../../core/cli/output.ts'
import { printReport } from '../../../core/cli/report/report.ts'
import { climbing, digits, sum } from '../search/parts.ts'

let directory: string
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'archloom-read-'))
  await using search = createSearch({
    space: digits,
    evaluator: (architecture, { trial }) => {
      if (trial === 2) throw new Error('no luck')
      return { accuracy: sum(architecture) }
    },
    plugins: [climbing()],
    objectives: { accuracy: 'maximise' },
    budget: { maxTrials: 12 },
    study: { name: 'climb', directory },
  })
  await search.finish()
})
afterAll(() => rmSync(directory, { recursive: true }))

test('a study is read without the code that wrote it', () => {
  const study = readStudy('climb', { directory })
  expect(study.started.space.name).toBe('digits')
  expect(study.state).toMatchObject({ status: 'finished', completed: 11, failed: 1, reason: 'trials' })
  expect(study.trials.map(({ status }) => status)).toEqual(
    study.trials.map(({ trial }) => (trial === 2 ? 'failed' : 'completed')),
  )
  expect(study.trials[2]?.failure).toMatchObject({ reason: 'error', code: 'ARCHLOOM_EVALUATION_THREW' })
  const best = study.best(3)
  expect(best[0]).toMatchObject({ reward: study.state.best?.reward })
  for (const trial of best) {
    expect(trial.architecture).toEqual(digits.decode(trial.genotype))
    expect(trial.text).toBe(digits.format(trial.genotype))
  }
  expect(new Set(best.map(({ text }) => text)).size).toBe(3)
  expect(readStudy(join(directory, 'climb', 'journal.jsonl')).trials).toEqual(study.trials)
})

test('a study that is not there, or is damaged, is told by its code', () => {
  expect(() => readStudy('clim', { directory })).toThrow(/ARCHLOOM_STUDY_NOT_FOUND.*"clim".*\["climb"\]/)
  const broken = (name: string, edit: (lines: string[]) => string[]) => {
    mkdirSync(join(directory, name))
    const lines = readFileSync(join(directory, 'climb', 'journal.jsonl'), 'utf8').split('\n')
    writeFileSync(join(directory, name, 'journal.jsonl'), edit(lines).join('\n'))
    return () => readStudy(name, { directory })
  }
  expect(broken('empty', () => [])).toThrow(/ARCHLOOM_STUDY_EMPTY: .*empty/)
  const edited = (type: string, from: RegExp, to: string) => (lines: string[]) => {
    const at = lines.findIndex((line) => line.includes(`"type":"${type}"`))
    return lines.with(at, (lines[at] as string).replace(from, to))
  }
  expect(broken('numberless', edited('trial.completed', /"metrics":\{[^}]*\}/, '"metrics":null'))).toThrow(
    /ARCHLOOM_STUDY_CORRUPT: line \d+ .*expected event \d+ of the study/,
  )
  expect(broken('odd', edited('trial.proposed', /"genotype":\[[^\]]*\]/, '"genotype":"x"'))).toThrow(
    'ARCHLOOM_STUDY_CORRUPT',
  )
  // Every line but the right one after it.
  expect(broken('twice', (lines) => lines.toSpliced(3, 0, lines[2] as string))).toThrow(
    /ARCHLOOM_STUDY_CORRUPT: line 4 /,
  )
  expect(broken('headless', (lines) => lines.slice(1))).toThrow(/ARCHLOOM_STUDY_CORRUPT: line 1 .*trial.proposed/)
  expect(broken('noise', (lines) => lines.with(4, '{"seq":'))).toThrow(/ARCHLOOM_STUDY_CORRUPT: line 5 /)
  expect(broken('gap', (lines) => lines.toSpliced(1, 1))).toThrow(/ARCHLOOM_STUDY_CORRUPT: line 2 /)
  // A last line that was cut off by a kill is an event nobody saw.
  const torn = join(directory, 'torn')
  broken('torn', (lines) => lines)
  appendFileSync(join(torn, 'journal.jsonl'), '{"seq":99,"type":"tri')
  expect(readStudy(torn).state.completed).toBe(11)
})

test('exportTop builds networks through the space, and refuses a space that is not the one of the study', () => {
  const options = { directory, input: [4, 4, 1], classes: 2, rng: seeded(1) }
  expect(() => exportTop('climb', 1, options)).toThrow('ARCHLOOM_SPACE_UNKNOWN')
  expect(() => exportTop('climb', 1, { ...options, space: digits })).toThrow('ARCHLOOM_STUDY_NO_NETWORKS')
  const other = defineSpace('digits', product({ digit: repeat(3, () => oneOf(0, 1)) }))
  expect(() => exportTop('climb', 1, { ...options, space: other })).toThrow('ARCHLOOM_STUDY_MISMATCH')
  const built: unknown[] = []
  const space = defineSpace('digits', product({ digit: repeat(4, () => oneOf(0, 1, 2)) }), {
    build: (architecture, { input, classes }) => {
      built.push(architecture)
      return {
        inputShape: input,
        outputShape: [classes],
        trainable: [],
        state: [],
        apply: (inputs) => inputs,
        [Symbol.dispose]() {},
      }
    },
  })
  const top = exportTop('climb', 2, { ...options, space })
  expect(built).toEqual(top.map(({ architecture }) => architecture))
  expect(top[0]?.network.outputShape).toEqual([2])
})

test('pictures that plugins told of are listed, wherever they stand among the facts', async () => {
  const telling = announced(askTell({ required: ['accuracy'], trialMs: Number.POSITIVE_INFINITY }), {
    news: () => [
      { type: 'plugin.event', plugin: 'p', name: 'n', facts: { step: 1, images: [{ file: 'a/b.PNG', note: 'png' }] } },
    ],
  })
  await using search = createSearch({
    space: digits,
    evaluator: (architecture) => ({ accuracy: sum(architecture) }),
    plugins: [
      climbing(),
      definePlugin({
        name: 'telling',
        provides: ['algorithm'],
        bind: ({ bind }) => bind(tokens.ALGORITHM).to(telling),
      }),
    ],
    objectives: { accuracy: 'maximise' },
    budget: { maxTrials: 2 },
    study: { name: 'telling', directory },
  })
  await search.finish()
  const study = readStudy('telling', { directory })
  expect(study.pictures.length).toBeGreaterThan(6)
  expect(new Set(study.pictures)).toEqual(new Set(['a/b.PNG']))
  const lines: string[] = []
  printReport(study, { reader: {}, log: (text: string) => lines.push(text) } as unknown as Output, { top: 1 })
  const told = lines.join('\n')
  expect(told.match(/picture {2}a\/b\.PNG/g)).toHaveLength(6)
  expect(told).toContain(`and ${study.pictures.length - 6} before these`)
  expect(readStudy('climb', { directory }).pictures).toEqual([])
})
