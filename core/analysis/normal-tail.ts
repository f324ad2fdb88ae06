import { millsRatio, normalPdf } from '../policy/normal.ts'

/** Probability that a standard normal number exceeds z ≥ 0; relative error below 1e-12. */
export function upperTail(z: number): number {
  if (z >= 1) return normalPdf(z) * millsRatio(z)
  // Φ(z) − 1/2 = φ(z) (z + z³/3 + z⁵/(3·5) + …), Abramowitz & Stegun 26.2.11.
  let [term, sum] = [z, z]
  for (let k = 3; Math.abs(term) > 1e-17; k += 2) {
    term *= (z * z) / k
    sum += term
  }
  return 0.5 - normalPdf(z) * sum
}
