/** Ways of running the same work take turns, so that a busy machine is as busy for all. */
export interface Turn {
  readonly name: string
  readonly run: () => void
}

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] as number

/** Milliseconds of each turn in each of the rounds, after a few rounds that are not counted. */
export function timed(turns: readonly Turn[], rounds: number, warmUp = 3): Readonly<Record<string, readonly number[]>> {
  const found: Record<string, number[]> = Object.fromEntries(turns.map(({ name }) => [name, []]))
  for (let round = 0; round < warmUp + rounds; round++)
    for (const { name, run } of turns) {
      const began = performance.now()
      run()
      if (round >= warmUp) found[name]?.push(performance.now() - began)
    }
  return found
}

/**
 * Median over the rounds of (parts of a round together) / (whole step of that round): 1 means that the step costs what
 * its passes cost alone, 1 / 1.3 is the least that is asked for.
 */
export function ratioOfParts(
  found: Readonly<Record<string, readonly number[]>>,
  whole: string,
  parts: readonly string[],
): number {
  const steps = found[whole] ?? []
  const together = (round: number) => parts.reduce((sum, part) => sum + (found[part]?.[round] as number), 0)
  return median(steps.map((ms, round) => together(round) / ms))
}
