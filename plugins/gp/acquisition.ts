import { millsRatio, normalCdf, normalPdf } from '../../core/policy/index.ts'

/**
 * ln of the expected improvement of a normal value over `best` (larger is better), accurate even if an improvement is
 * very unlikely (Ament et al. 2023).
 */
export function logExpectedImprovement(mean: number, deviation: number, best: number): number {
  const z = (mean - best) / deviation
  if (z > -1.5) return Math.log(deviation) + Math.log(normalPdf(z) + z * normalCdf(z))
  const logPdf = -0.5 * z * z - 0.5 * Math.log(2 * Math.PI)
  // φ(z) + z Φ(z) = φ(z) (1 + z · Mills(−z)), which tends to φ(z) / z².
  const factor = z < -1e3 ? -2 * Math.log(-z) : Math.log1p(z * millsRatio(-z))
  return Math.log(deviation) + logPdf + factor
}
