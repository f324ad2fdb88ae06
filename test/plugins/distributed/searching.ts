import { createSearch, type EventOf, memoryStore, type SearchEvent } from 'archloom'
import { type DistributedOptions, distributed } from 'archloom/plugins/distributed'
import { random } from 'archloom/plugins/random'
import { space } from './modules/square.ts'

export const module = new URL('./modules/square.ts', import.meta.url)
export type Does = ReturnType<typeof space.decode>['does']

interface Given extends Partial<DistributedOptions> {
  readonly redis: string
  readonly concurrency?: number
  readonly budget?: Parameters<typeof createSearch>[0]['budget']
  readonly signal?: AbortSignal
}

/** Runs a search over what is asked for, trial by trial, and returns its events. */
export async function searched(does: readonly Does[], given: Given): Promise<SearchEvent[]> {
  const { concurrency = 4, budget = {}, signal, ...options } = given
  await using search = createSearch({
    space,
    evaluator: distributed({ module, ...options }),
    plugins: [random()],
    objectives: { value: 'maximise' },
    budget: { maxTrials: does.length, ...budget },
    study: memoryStore('squares-study'),
    concurrency,
  })
  for (const [x, each] of does.entries()) await search.enqueue({ x, does: each })
  const events: SearchEvent[] = []
  for await (const event of search.run(signal && { signal })) events.push(event)
  return events
}

export const typed = <T extends SearchEvent['type']>(events: readonly SearchEvent[], type: T) =>
  events.filter((event): event is EventOf<T> => event.type === type)
export const told = (events: readonly SearchEvent[], name: string) =>
  typed(events, 'plugin.event').filter((event) => event.name === name)
/** Numbers of the trials that were completed, in order of number; a trial that is completed twice stands twice. */
export const completedIn = (events: readonly SearchEvent[]) =>
  typed(events, 'trial.completed')
    .map(({ trial }) => trial)
    .sort((a, b) => a - b)
