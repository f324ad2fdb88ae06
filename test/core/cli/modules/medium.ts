/** A tiny experiment: every unit notes in a file that it has begun and ended. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Experiment, UnitContext } from '../../../../core/reproduction.ts'

const note = (text: string) => {
  if (process.env.FAKE_NOTES) appendFileSync(process.env.FAKE_NOTES, `${text}\n`)
}
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

const part = (name: string, extra: Partial<Experiment['parts'][number]> = {}) => ({
  name,
  title: `Part ${name}`,
  setting: 'Nothing is trained.',
  settings: { name },
  arms: ['plain', 'better | faster'],
  seeds: [1, 2, 3],
  seconds: 0.1,
  metrics: [
    { name: 'score', digits: 1 },
    { name: 'threads', digits: 0 },
  ],
  comparisons: [
    {
      claim: 'Better is better',
      arm: 'better | faster',
      control: 'plain',
      metric: 'score',
      direction: 'maximise' as const,
      published: 1,
    },
  ],
  run: async (arm: string, { seed }: UnitContext) => {
    note(`begin ${name}/${arm}/${seed}`)
    await pause(Number(process.env.FAKE_MS ?? 0))
    note(`end ${name}/${arm}/${seed}`)
    const score = 10 * seed + (arm === 'plain' ? 0 : 2 + 0.1 * seed)
    return [
      { step: 1, metric: 'score', value: 0 },
      { step: 2, metric: 'score', value: score },
      { metric: 'threads', value: Number(process.env.ARCHLOOM_THREADS) },
    ]
  },
  ...extra,
})

export const medium: Experiment = {
  paper: 'fake',
  parts: [
    part('alone'),
    part('prepared', {
      prepare: async ({ folder, seed }) => {
        note(`prepare ${seed}`)
        if (seed === Number(process.env.FAKE_FAILS)) throw new Error('no data today')
        writeFileSync(join(folder, 'start.txt'), String(seed))
        return []
      },
      run: async (arm, { folder, seed }) => {
        note(`begin prepared/${arm}/${seed}`)
        const start = existsSync(join(folder, 'start.txt'))
          ? Number(readFileSync(join(folder, 'start.txt'), 'utf8'))
          : -1
        note(`end prepared/${arm}/${seed}`)
        return [{ metric: 'score', value: process.env.FAKE_NAN ? Number.NaN : start }]
      },
    }),
  ],
}
