import { type PruningProblem, staticFeatures } from '../../search-spaces/compression/prunable.ts'

/** Length of a state. */
export const STATE_SIZE = 11

/** Whether the state contains the rate; 'blind' replaces it by 0, to measure the benefit of conditioning. */
export type Sight = 'rate' | 'blind'

/** The states of an episode. */
export interface StateRows {
  /** The state before choice t, given the channels chosen so far and the last action (1 at first). */
  state(t: number, rate: number, kept: readonly number[], action: number, sight: Sight): number[]
}

/** Scales each column to [0, 1]; constant columns are unchanged. */
export function minMax(rows: readonly (readonly number[])[]): number[][] {
  const columns = rows[0]?.length ?? 0
  const ranges = Array.from({ length: columns }, (_, c) => {
    const values = rows.map((row) => row[c] as number)
    return [Math.min(...values), Math.max(...values)] as const
  })
  return rows.map((row) =>
    row.map((value, c) => {
      const [least, most] = ranges[c] as readonly [number, number]
      return most > least ? (value - least) / (most - least) : value
    }),
  )
}

/**
 * Seven static features of the reading layer (min-max over layers), the share of multiply-adds removed so far, the share
 * that later choices could still remove, the last action, and the rate.
 */
export function stateRows(problem: PruningProblem): StateRows {
  const { choices, cost, multiplyAdds } = problem
  const rows = minMax(staticFeatures(problem))
  const whole = choices.map(({ channels }) => channels)
  // The multiply-adds that are saved if choice i keeps nothing and all others everything.
  const removable = whole.map(
    (_, i) => (multiplyAdds - cost(whole.map((count, j) => (i === j ? 0 : count)))) / multiplyAdds,
  )
  return {
    state(t, rate, kept, action, sight) {
      const now = whole.map((count, i) => kept[i] ?? count)
      const reduced = (multiplyAdds - cost(now)) / multiplyAdds
      const rest = removable.slice(t + 1).reduce((sum, each) => sum + each, 0)
      return [...(rows[t] as number[]), reduced, rest, action, sight === 'rate' ? rate : 0]
    },
  }
}
