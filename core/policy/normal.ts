/** Density of the standard normal distribution. */
export const normalPdf = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)

/**
 * Mills' ratio (1 − Φ(t)) / φ(t) for t ≥ 1, by its continued fraction (Abramowitz & Stegun 26.2.14); relative error below
 * 1e-12.
 */
export function millsRatio(t: number): number {
  let value = t
  for (let k = Math.ceil(20 + 400 / (t * t)); k >= 1; k--) value = t + k / value
  return 1 / value
}

/** Distribution function of the standard normal: Abramowitz & Stegun 26.2.17, absolute error below 7.5e-8. */
export function normalCdf(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x))
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  const tail = normalPdf(x) * series
  return x > 0 ? 1 - tail : tail
}
