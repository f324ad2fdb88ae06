import type { Controller, Random } from '../../core/index.ts'
import type { ChannelSpace, PrunedArchitecture, PruningProblem } from '../../search-spaces/compression/prunable.ts'

/** One episode: the channels kept for a rate, and the accuracy of the pruned network without training. */
export interface PruningEpisode extends PrunedArchitecture {
  readonly accuracy: number
  /** The agent's actions before the constraint, if there are any. */
  readonly actions?: readonly number[]
  /** Diagnostics of the update after the episode. */
  readonly diagnostics: Readonly<Record<string, number>>
}

/** Accuracy of the network that keeps these channels. */
export type MeasurePruning = (kept: readonly number[]) => number | Promise<number>

/** Caches measurements, because a converged agent repeats its prunings. */
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
  /** Called after every episode. */
  readonly onProgress?: (episode: PruningEpisode, number: number) => void
}

/** The plain loop: propose, prune and measure, observe. For the loop with a journal, give the controller to a search. */
export async function pruningSearch(
  space: ChannelSpace,
  controller: Controller,
  measure: MeasurePruning,
  { episodes, rng, signal, onProgress }: PruningSearchOptions,
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
    onProgress?.(episode, number)
  }
  return done
}

/** The episode with the largest accuracy at each rate; undefined if there was none. Among equals the earlier one. */
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

/** Number of episodes whose pruned network costs more than its rate allows; 0 with the constraint. */
export const violations = ({ cost, multiplyAdds }: PruningProblem, episodes: readonly PrunedArchitecture[]): number =>
  episodes.filter(({ rate, kept }) => cost(kept) > rate * multiplyAdds).length
