import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSearch, defineSpace, exportTop, oneOf, product, readStudy, repeat, seeded } from 'archloom'
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

test('a study is read without the code that wrote it', async () => {
  const study = await readStudy('climb', { directory })
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
})

test('a study that is not there, or is damaged, is told by its code', async () => {
  await expect(readStudy('clim', { directory })).rejects.toThrow(/ARCHLOOM_STUDY_NOT_FOUND.*clim".*\["climb"\]/)
  const broken = (name: string, edit: (lines: string[]) => string[]) => {
    mkdirSync(join(directory, name))
    const lines = readFileSync(join(directory, 'climb', 'journal.jsonl'), 'utf8').split('\n')
    writeFileSync(join(directory, name, 'journal.jsonl'), edit(lines).join('\n'))
    return readStudy(name, { directory })
  }
  await expect(broken('empty', () => [])).rejects.toThrow(/ARCHLOOM_STUDY_EMPTY: .*empty/)
  const edited = (type: string, from: RegExp, to: string) => (lines: string[]) => {
    const at = lines.findIndex((line) => line.includes(`"type":"${type}"`))
    return lines.with(at, (lines[at] as string).replace(from, to))
  }
  await expect(
    broken('numberless', edited('trial.completed', /"metrics":\{[^}]*\}/, '"metrics":null')),
  ).rejects.toThrow(/ARCHLOOM_STUDY_CORRUPT: line \d+ .*expected event \d+ of the study/)
  await expect(broken('odd', edited('trial.proposed', /"genotype":\[[^\]]*\]/, '"genotype":"x"'))).rejects.toThrow(
    'ARCHLOOM_STUDY_CORRUPT',
  )
  // Every line but the right one after it.
  await expect(broken('twice', (lines) => lines.toSpliced(3, 0, lines[2] as string))).rejects.toThrow(
    /ARCHLOOM_STUDY_CORRUPT: line 4 /,
  )
  await expect(broken('headless', (lines) => lines.slice(1))).rejects.toThrow(
    /ARCHLOOM_STUDY_CORRUPT: line 1 .*trial.proposed/,
  )
  await expect(broken('noise', (lines) => lines.with(4, '{"seq":'))).rejects.toThrow(/ARCHLOOM_STUDY_CORRUPT: line 5 /)
  await expect(broken('gap', (lines) => lines.toSpliced(1, 1))).rejects.toThrow(/ARCHLOOM_STUDY_CORRUPT: line 2 /)
  // A last line that was cut off by a kill is an event nobody saw.
  const torn = join(directory, 'torn')
  await broken('torn', (lines) => lines)
  appendFileSync(join(torn, 'journal.jsonl'), '{"seq":99,"type":"tri')
  expect((await readStudy('torn', { directory })).state.completed).toBe(11)
})

test('exportTop builds networks through the space, and refuses a space that is not the one of the study', async () => {
  const options = { directory, input: [4, 4, 1], classes: 2, rng: seeded(1) }
  await expect(exportTop('climb', 1, options)).rejects.toThrow('ARCHLOOM_SPACE_UNKNOWN')
  await expect(exportTop('climb', 1, { ...options, space: digits })).rejects.toThrow('ARCHLOOM_STUDY_NO_NETWORKS')
  const other = defineSpace('digits', product({ digit: repeat(3, () => oneOf(0, 1)) }))
  await expect(exportTop('climb', 1, { ...options, space: other })).rejects.toThrow('ARCHLOOM_STUDY_MISMATCH')
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
  const top = await exportTop('climb', 2, { ...options, space })
  expect(built).toEqual(top.map(({ architecture }) => architecture))
  expect(top[0]?.network.outputShape).toEqual([2])
})

test('images that plugins tell of are listed, wherever they stand among the facts', async () => {
  await using search = createSearch({
    space: digits,
    evaluator: (architecture, _request, { tell }) => {
      tell('n', { step: 1, images: [{ file: 'a/b.PNG', note: 'png' }] }, 'p')
      return { accuracy: sum(architecture) }
    },
    plugins: [climbing()],
    objectives: { accuracy: 'maximise' },
    budget: { maxTrials: 8 },
    study: { name: 'telling', directory },
  })
  await search.finish()
  const study = await readStudy('telling', { directory })
  expect(study.images.length).toBe(8)
  expect(new Set(study.images)).toEqual(new Set(['a/b.PNG']))
  const lines: string[] = []
  printReport(study, { reader: {}, log: (text: string) => lines.push(text) } as unknown as Output, { top: 1 })
  const told = lines.join('\n')
  expect(told.match(/picture {2}a\/b\.PNG/g)).toHaveLength(6)
  expect(told).toContain(`and ${study.images.length - 6} earlier images`)
  expect((await readStudy('climb', { directory })).images).toEqual([])
})
