// Ask and tell: your own loop asks for proposals and evaluates them wherever you like.
//     npx archloom run examples/ask-tell.ts
import { fileURLToPath } from 'node:url'
import { createSearch, type StudyOptions } from 'archloom'
import { evolution } from 'archloom/plugins/evolution'
import { type ToyArchitecture, toySpace } from 'archloom/search-spaces/toy'

/** Stands for any way to evaluate an architecture, such as a cluster. */
async function myCluster({ layers, filters }: ToyArchitecture): Promise<number> {
  if (layers === 3 && filters === 4) throw new Error('the node went away')
  return 0.5 + 0.1 * layers + 0.005 * filters
}

interface Options {
  readonly trials?: number
  readonly study?: StudyOptions
  readonly log?: (text: string) => void
}

export async function main({ trials = 15, study = {}, log = console.log }: Options = {}) {
  await using search = createSearch({
    space: toySpace(),
    evaluator: () => ({ accuracy: 0 }), // never asked: we evaluate ourselves
    plugins: [evolution({ population: 5, sample: 2 })],
    objectives: { accuracy: 'maximise' },
    budget: { maxTrials: trials },
    seed: 5,
    study,
  })
  // In a resumed study, a proposal that a killed process left open comes first.
  while (search.state().completed + search.state().failed < trials) {
    const proposal = await search.propose()
    try {
      await search.observe(proposal, { accuracy: await myCluster(proposal.architecture) })
    } catch (thrown) {
      // A failed trial is recorded, and the controller continues.
      await search.observe(proposal, { failed: (thrown as Error).message })
    }
  }
  const [best] = search.best(1)
  const { completed, failed } = search.state()
  log(
    `${completed} completed, ${failed} failed; best ${JSON.stringify(best?.architecture)} with ${best?.metrics.accuracy}`,
  )
  return { completed, failed, best: best?.architecture }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
