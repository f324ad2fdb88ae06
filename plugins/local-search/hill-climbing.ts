import type { Controller, ControllerFactory, Genotype, Json } from '../../core/index.ts'
import { among, options as declare, type OptionsOf, whole } from '../../core/options/index.ts'
import { byReward, type Individual, individualOf } from '../../core/policy/index.ts'

export const declared = declare('local-search', {
  restarts: whole({
    min: 1,
    infinite: true,
    default: Number.POSITIVE_INFINITY,
    doc: 'Total number of climbs, each from a random start. After them the controller is exhausted.',
  }),
  steps: whole({
    min: 1,
    infinite: true,
    default: Number.POSITIVE_INFINITY,
    doc: 'Maximum number of moves of a climb.',
  }),
  improvement: among(['best', 'first'], {
    default: 'best',
    doc: 'best: measure all neighbours and move to the best one. first: move to the first neighbour that is better.',
  }),
})
export type HillClimbingOptions = OptionsOf<typeof declared>

/** An architecture with its result. Feasible ones come first. */
type Place = Individual

/** The climb that a proposal belongs to, and the number of the proposal. */
type Context = { readonly climb: number; readonly ticket: number }

interface State {
  climb: number
  move: number
  /** The present architecture of the climb; null until a start has been measured. */
  centre: Place | null
  /** Neighbours of the centre that are not proposed yet, shuffled when the first of them is proposed. */
  queue: Genotype[]
  shuffled: boolean
  /** Numbers of proposed neighbours of the centre without a result. */
  open: number[]
  /** Number of proposals so far. */
  tickets: number
  /** The best measured neighbour that is better than the centre. */
  better: Place | null
  /** Formatted genotypes that this climb has measured; they are not measured again. */
  seen: string[]
  /** The best start that was measured in advance for the next climb. */
  ahead: Place | null
  exhausted: boolean
}

const begin = (climb: number, tickets: number): State => ({
  climb,
  move: 0,
  centre: null,
  queue: [],
  shuffled: false,
  open: [],
  tickets,
  better: null,
  seen: [],
  ahead: null,
  exhausted: false,
})

/**
 * Local search (White et al. 2021): measures the neighbours of a random architecture in random order, moves to a
 * better one, and restarts at a local optimum. In parallel, starts of the next climb are measured while the last
 * neighbours are being evaluated. It never moves to a failed trial.
 */
export function hillClimbing(given: HillClimbingOptions = {}): ControllerFactory {
  const options = declared.read(given)

  return (space): Controller => {
    let state = begin(0, 0)

    /** Moves to an architecture and lists its neighbours; starts the next climb if none of them is new. */
    const stand = (place: Place) => {
      state.centre = place
      state.better = null
      state.open = []
      const seen = new Set(state.seen)
      state.queue = [...space.neighbours(place.genotype)].filter((neighbour) => !seen.has(space.format(neighbour)))
      state.shuffled = false
      if (state.queue.length === 0 || state.move >= options.steps) nextClimb()
    }

    const nextClimb = () => {
      const { ahead } = state
      state = { ...begin(state.climb + 1, state.tickets), exhausted: state.climb + 1 >= options.restarts }
      if (ahead && !state.exhausted) {
        state.seen.push(space.format(ahead.genotype))
        stand(ahead)
      }
    }

    /** Moves or restarts once the available results decide it. */
    const decide = () => {
      const complete = state.queue.length === 0 && state.open.length === 0
      if (state.better && (complete || options.improvement === 'first')) {
        state.move++
        stand(state.better)
      } else if (complete) nextClimb()
    }

    const observeOne = (context: Context | undefined, place: Place | null, key: string) => {
      if (context && context.climb === state.climb + 1) {
        if (place && (!state.ahead || byReward(place, state.ahead) < 0)) state.ahead = place
      } else if (!context || context.climb === state.climb) {
        // Other results of this climb may be moved to as well: late results, spare starts, proposals of a user.
        state.seen.push(key)
        if (!state.centre) {
          if (place) stand(place)
          return
        }
        if (place && byReward(place, state.better ?? state.centre) < 0) state.better = place
      }
      // Results come in the order of proposals, so an earlier proposal that is still open was dropped.
      if (context) state.open = state.open.filter((ticket) => ticket > context.ticket)
      if (state.centre) decide()
    }

    return {
      get exhausted() {
        return state.exhausted
      },
      propose(rng) {
        const context = (climb: number): Json => ({ climb, ticket: state.tickets++ })
        if (!state.centre) return { genotype: space.random(rng), context: context(state.climb) }
        if (!state.shuffled) {
          state.queue = rng.shuffle(state.queue)
          state.shuffled = true
        }
        const genotype = state.queue.pop()
        if (!genotype) return { genotype: space.random(rng), context: context(state.climb + 1) }
        state.open.push(state.tickets)
        return { genotype, context: context(state.climb) }
      },
      observe(observations) {
        for (const observation of observations) {
          const { context, genotype } = observation.proposal
          observeOne(
            context as unknown as Context | undefined,
            individualOf(observation) ?? null,
            space.format(genotype),
          )
        }
        const { climb, move, centre } = state
        return { climb, move, ...(centre && Number.isFinite(centre.reward) && { reward: centre.reward }) }
      },
      [Symbol.dispose]: () => {},
    }
  }
}
