/** About `count` round numbers that cover [low, high], in steps of 1, 2 or 5 times a power of ten. */
export function niceTicks(low: number, high: number, count = 5): readonly number[] {
  const span = high - low || Math.abs(high) || 1
  const rough = span / Math.max(1, count)
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power
  const first = Math.floor(low / step)
  const last = Math.ceil(high / step)
  // Each multiple of the step is rounded by itself, because 0.1 + 0.2 is not 0.3.
  return Array.from({ length: Math.max(2, last - first + 1) }, (_, i) => Number(((first + i) * step).toPrecision(12)))
}
