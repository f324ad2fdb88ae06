import type { Controller, ControllerFactory, Genotype, Json } from '../../core/index.ts'
import { among, options as declare, type OptionsOf, whole } from '../../core/options/index.ts'
import { byReward, type Individual, individualOf } from '../../core/policy/index.ts'

export const declared = declare('local-search', {
  /** Climbs in all, each from a random start; then the controller is exhausted. Default Infinity. */
  restarts: whole({ min: 1, infinite: true, default: Number.POSITIVE_INFINITY }),
  /** Moves a climb may make before the next begins. Default Infinity. */
  steps: whole({ min: 1, infinite: true, default: Number.POSITIVE_INFINITY }),
  /** Move to the best of all neighbours, or to the first that is better. Default 'best'. */
  improvement: among(['best', 'first'], { default: 'best' }),
})
export type HillClimbingOptions = OptionsOf<typeof declared>

/** An architecture that has a result; feasible ones come first. */
type Place = Individual

/** What a proposal was for: its climb, and its number among all proposals. */
type Context = { readonly climb: number; readonly ticket: number }

interface State {
  climb: number
  move: number
  /** Where the climb stands; null until a start has been measured. */
  centre: Place | null
  /** Neighbours of the centre not proposed yet; shuffled when the first of them is proposed. */
  queue: Genotype[]
  shuffled: boolean
  /** Tickets of proposed neighbours of the centre whose results are not in. */
  open: number[]
  /** Tickets given out. */
  tickets: number
  /** Best of the centre's measured neighbours that is better than it. */
  better: Place | null
  /** What this climb has measured, formatted: not measured again. */
  seen: string[]
  /** Best start measured ahead of the next climb. */
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
 * Local search (White et al. 2021): measure the neighbours of a random architecture, in random order; go to a better
 * one; at a local optimum begin again. While the last neighbours are under way in parallel, starts of the next climb
 * are measured ahead. A failed trial is no place to go.
 */
export function hillClimbing(given: HillClimbingOptions = {}): ControllerFactory {
  const options = declared.read(given)

  return (space): Controller => {
    let state = begin(0, 0)

    /** Stand on a place and list its neighbours; begin the next climb if it has none that are new. */
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

    /** Move, or begin again, once the results in hand decide it. */
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
        // Whatever else was measured in this climb is a place to go: late results, spare starts, another's proposals.
        state.seen.push(key)
        if (!state.centre) {
          if (place) stand(place)
          return
        }
        if (place && byReward(place, state.better ?? state.centre) < 0) state.better = place
      }
      // Results come in the order of proposals: an earlier one that is still open was dropped on the way.
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
