// Listening to a search while it runs: as an RxJS Observable, by name, and as state folded from the events.
//     npx archloom run examples/events-rxjs.ts
import { fileURLToPath } from 'node:url'
import { createSearch, initialState, isTrialCompleted, reduce, type StudyOptions } from 'archloom'
import { evolution } from 'archloom/plugins/evolution'
import { toySpace } from 'archloom/search-spaces/toy'
import { bufferCount, filter, lastValueFrom, map, scan, toArray } from 'rxjs'

interface Options {
  readonly trials?: number
  readonly study?: StudyOptions
  readonly log?: (text: string) => void
}

export async function main({ trials = 40, study = {}, log = console.log }: Options = {}) {
  await using search = createSearch({
    space: toySpace(),
    evaluator: ({ layers, filters, kernel }) => ({
      accuracy: 0.5 + 0.1 * layers + 0.01 * filters - 0.02 * Math.abs(kernel - 3),
      multiplyAdds: layers * filters * kernel * kernel,
    }),
    plugins: [evolution({ population: 10, sample: 3 })],
    objectives: { accuracy: 'maximise', multiplyAdds: 'minimise' },
    budget: { maxTrials: trials },
    seed: 11,
    study,
  })

  // First way: RxJS operators. Subscribing starts nothing. One line is printed per ten trials.
  search.events$
    .pipe(
      filter(isTrialCompleted),
      map((event) => event.metrics.accuracy as number),
      bufferCount(10),
    )
    .subscribe((batch) => log(`mean accuracy of ten: ${(batch.reduce((a, b) => a + b, 0) / batch.length).toFixed(3)}`))

  // Second way: listeners by the name of the event.
  const off = search.on('pareto.changed', ({ front }) => log(`${front.length} architectures on the front`))

  // Third way: the loop itself, which drives the search. Here we only wait for its end.
  await search.finish()
  off()

  // Late subscribers receive all events from the beginning. The state is a fold of the events, so anyone can compute
  // it.
  const late = lastValueFrom(search.events$.pipe(scan(reduce, initialState), toArray()))
  // events$ completes when the search is disposed.
  await search[Symbol.asyncDispose]()
  const states = await late
  const [last, own] = [states.at(-1), search.state()]
  log(`folded by a late subscriber: ${last?.completed} trials, ${last?.front.length} on the front`)
  return {
    completed: own.completed,
    foldedCompleted: last?.completed,
    front: own.front.length,
    foldedFront: last?.front.length,
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
