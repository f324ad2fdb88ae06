import { expect, it } from 'vitest'
import { run } from '../../bench/kill.ts'
import { describeWhere } from '../../conditional-suites.ts'
import { programs } from '../../plugins/postgres/cluster.ts'

/**
 * The parts of `npm run bench -- kill`, which kills 1,000 times in the long tests and 100 times otherwise; the rest of the
 * kills are those of a distributed search, in test/plugins/distributed/trouble.test.ts.
 */
const SLOW = process.env.ARCHLOOM_SLOW === '1'
const limit = SLOW ? 3_600_000 : 300_000

async function survives(options: Parameters<typeof run>[0]): Promise<void> {
  const { results } = await run(options)
  const value = (name: string) => results.find((result) => result.name === name)?.value
  expect(value('studies')).toBeGreaterThan(0)
  expect(value('kills')).toBeGreaterThanOrEqual(options.points!)
  for (const name of ['lost finished trials', 'duplicates', 'diverging proposals']) expect(value(name), name).toBe(0)
}

it.each(['journal', 'sqlite'] as const)(
  'a search that keeps its study in %s is killed at random moments, and loses, repeats and changes nothing',
  (storage) => survives({ storage, points: SLOW ? 200 : 20 }),
  limit,
)

it(
  'worker processes are killed at random moments, and their trials are tried again with the same result',
  () => survives({ storage: 'journal', workers: true, points: SLOW ? 100 : 10 }),
  limit,
)

describeWhere(programs !== undefined, 'with PostgreSQL (needs its programs)', () => {
  it(
    'a search is killed at random moments, and loses, repeats and changes nothing',
    () => survives({ storage: 'postgres', points: SLOW ? 150 : 15 }),
    limit,
  )

  it(
    'the server is killed at random moments, and the search goes on with nothing lost, repeated or changed',
    () => survives({ storage: 'postgres', server: true, points: SLOW ? 100 : 10 }),
    limit,
  )
})
