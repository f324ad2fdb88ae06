import { createSearch, defineSpace, memoryStore, oneOf, product, readRecord, real } from 'archloom'
import { studyCsv } from 'archloom/plugins/csv'
import { random } from 'archloom/plugins/random'
import Papa from 'papaparse'
import { expect, it } from 'vitest'

it('a study as CSV holds every trial, and texts that look like CSV survive', async () => {
  const store = memoryStore()
  const space = defineSpace('csv', product({ op: oneOf('a,b', 'say "c"', 'new\nline'), rate: real(0, 1) }))
  await using search = createSearch({
    space,
    evaluator: ({ rate }, { trial }) => {
      if (trial === 2) throw new Error('no luck')
      return { value: rate, op: trial === 1 ? Number.POSITIVE_INFINITY : 7 }
    },
    plugins: [random()],
    objectives: { value: 'maximise' },
    budget: { maxTrials: 5 },
    study: store,
  })
  await search.finish()
  const record = await readRecord(store)
  const { data } = Papa.parse<Record<string, string>>(studyCsv(record), { header: true, skipEmptyLines: true })
  expect(data).toHaveLength(5)
  data.forEach((row, i) => {
    const trial = record.trials[i]!
    expect(row['architecture.op']).toBe((trial.architecture as { op: string }).op)
    expect(Number(row['architecture.rate'])).toBe(trial.genotype[1])
    expect(row.status).toBe(trial.status)
    expect(row['metrics.value']).toBe(i === 2 ? '' : String(trial.metrics.value))
  })
  expect(data[1]!['metrics.op']).toBe('Infinity')
  expect(data[2]!.failure).toBe('ARCHLOOM_EVALUATION_THREW')
})
