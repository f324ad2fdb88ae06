import type { Controller, Random } from '../../core/index.ts'
import type { ChannelSpace, PrunedArchitecture, PruningProblem } from '../../search-spaces/compression/prunable.ts'

/** One episode: the channels kept for a rate, and the accuracy that the pruned network had without any training. */
export interface PruningEpisode extends PrunedArchitecture {
  readonly accuracy: number
  /** The agent's wishes before the constraint, where it has some. */
  readonly actions?: readonly number[]
  /** Of the update that followed. */
  readonly diagnostics: Readonly<Record<string, number>>
}

/** Accuracy of the network that keeps these channels. */
export type MeasurePruning = (kept: readonly number[]) => number | Promise<number>

/** Equal prunings are measured once: an agent that has settled repeats itself. */
export function remembered(measure: MeasurePruning): MeasurePruning {
  const known = new Map<string, number>()
  return async (kept) => {
    const key = kept.join()
    const found = known.get(key) ?? (await measure(kept))
    known.set(key, found)
    return found
  }
}

export interface PruningSearchOptions {
  readonly episodes: number
  readonly rng: Random
  readonly signal?: AbortSignal
  /** Told after every episode. */
  readonly report?: (episode: PruningEpisode, number: number) => void
}

/** The plain loop: propose, prune and measure, observe. For the loop with a journal, give the controller to a search. */
export async function pruningSearch(
  space: ChannelSpace,
  controller: Controller,
  measure: MeasurePruning,
  { episodes, rng, signal, report }: PruningSearchOptions,
): Promise<readonly PruningEpisode[]> {
  const done: PruningEpisode[] = []
  for (let number = 0; number < episodes; number++) {
    signal?.throwIfAborted()
    const proposal = controller.propose(rng.fork(number))
    if (typeof proposal === 'string') break
    const { rate, kept } = space.decode(proposal.genotype)
    const accuracy = await measure(kept)
    const observation = { trial: number, proposal, reward: accuracy, objectives: [accuracy], metrics: { accuracy } }
    const diagnostics = controller.observe([observation])
    const { actions } = (proposal.context ?? {}) as { readonly actions?: readonly number[] }
    const episode = { rate, kept, accuracy, diagnostics, ...(actions && { actions }) }
    done.push(episode)
    report?.(episode, number)
  }
  return done
}

/** The episode of the largest accuracy at each rate; undefined where there was none. Ties go to the earlier one. */
export const bestOfRates = (
  episodes: readonly PruningEpisode[],
  rates: readonly number[],
): readonly (PruningEpisode | undefined)[] =>
  rates.map((rate) =>
    episodes
      .filter((episode) => episode.rate === rate)
      .reduce<PruningEpisode | undefined>(
        (best, episode) => (best === undefined || episode.accuracy > best.accuracy ? episode : best),
        undefined,
      ),
  )

/** Episodes whose pruned network costs more than its rate allows. With the constraint: none. */
export const violations = ({ cost, multiplyAdds }: PruningProblem, episodes: readonly PrunedArchitecture[]): number =>
  episodes.filter(({ rate, kept }) => cost(kept) > rate * multiplyAdds).length
