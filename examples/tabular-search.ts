// A search over NAS-Bench-201's published results: without training, with thousands of evaluations per second and
// simulated time.
//     ARCHLOOM_DATA=… npx archloom run examples/tabular-search.ts
import { fileURLToPath } from 'node:url'
import { ArchloomError, createSearch, type StudyOptions, virtualClock } from 'archloom'
import { nasBench201Table, tabular } from 'archloom/evaluators/tabular'
import { evolution } from 'archloom/plugins/evolution'
import { random } from 'archloom/plugins/random'
import { nasBench201Space } from 'archloom/search-spaces/nas-bench-201'

interface Options {
  readonly trials?: number
  readonly seeds?: number
  readonly directory?: string
  readonly log?: (text: string) => void
}

export async function main({ trials = 200, seeds = 5, directory, log = console.log }: Options = {}) {
  let table: ReturnType<typeof nasBench201Table>
  try {
    table = nasBench201Table({ dataset: 'cifar10' })
  } catch (thrown) {
    if (!ArchloomError.is(thrown) || thrown.code !== 'ARCHLOOM_TABLE_NOT_FOUND') throw thrown
    log(thrown.message)
    log('This example needs the table: set ARCHLOOM_DATA to a folder that holds it, and run it again.')
    return { found: false }
  }
  for (const note of table.notes ?? []) log(`note: ${note}`)
  const space = nasBench201Space()
  const means: Record<string, number> = {}
  for (const plugin of [evolution({ population: 10, sample: 10 }), random()]) {
    let sum = 0
    let hours = 0
    for (let seed = 1; seed <= seeds; seed++) {
      const study: StudyOptions = directory === undefined ? {} : { directory }
      await using search = createSearch({
        space,
        evaluator: tabular(table),
        plugins: [plugin],
        objectives: { accuracy: 'maximise' },
        budget: { maxTrials: trials },
        seed,
        study,
        clock: virtualClock(),
      })
      const state = await search.finish()
      // Chosen by validation accuracy, reported by test accuracy.
      sum += state.best?.metrics.testAccuracy as number
      hours += state.simulatedSeconds / 3600
    }
    means[plugin.name] = sum / seeds
    log(
      `${plugin.name}: ${(100 * (sum / seeds)).toFixed(2)} % after ${trials} trials, mean of ${seeds} seeds; ${(hours / seeds).toFixed(0)} hours of training looked up`,
    )
  }
  return { found: true, means }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
