import { createSearch } from 'archloom'
import { climbing, digits, sum } from '../search/parts.ts'

/** A search that prints each finished trial as it sees it; the test kills it at a random moment. */
await using search = createSearch({
  space: digits,
  evaluator: async (architecture) => {
    await new Promise((resolve) => setTimeout(resolve, 15))
    return { sum: sum(architecture) }
  },
  plugins: [climbing()],
  objectives: { sum: 'maximise' },
  budget: { maxTrials: 20 },
  seed: 5,
  study: { name: 'mine', directory: process.argv[2] as string },
})
for await (const event of search.run())
  if (event.type === 'trial.completed') process.stdout.write(`${event.trial}:${event.genotype.join('')}\n`)
