import {
  type Controller,
  type ControllerFactory,
  fromUnit,
  type Genotype,
  type Random,
  type SearchSpace,
  toUnit,
} from '../../core/index.ts'
import { feasibleFirst, type Outcome, outcomeOf } from '../../core/policy/index.ts'
import { eigen } from './eigen.ts'
import { type CmaEsOptions, cmaEsOptions } from './options.ts'

/**
 * First coordinate and number of coordinates of each decision: one for a number, and one per option for an unordered
 * choice.
 */
function layoutOf(space: SearchSpace) {
  let next = 0
  const places = space.decisions.map((decision) => {
    const size = decision.kind === 'choice' && !decision.ordered ? decision.options.length : 1
    const place = { at: next, size }
    next += size
    return place
  })
  return { places, coordinates: next }
}

/** Maps a value into [0, 1] by reflection at the ends. */
const reflected = (x: number): number => {
  const folded = Math.abs(x) % 2
  return folded > 1 ? 2 - folded : folded
}

interface Point {
  readonly x: Float64Array
  readonly outcome: Outcome
}

/**
 * CMA-ES (Hansen 2016) on the unit scales of all decisions: a normal distribution whose mean and covariance follow the
 * better half of each population. Ordered decisions take the option whose cell holds the coordinate, with a standard
 * deviation that stays wide enough to reach the next option; an unordered choice has a coordinate per option and takes
 * the option of the largest allowed one. Results are used as they arrive, whichever distribution they were drawn from.
 * A failed trial ranks last. Error: ARCHLOOM_OPTION.
 */
export function evolutionStrategy(given: CmaEsOptions = {}): ControllerFactory {
  const { population, sigma: firstSigma } = cmaEsOptions.read(given)

  return (space): Controller => {
    const { places, coordinates: n } = layoutOf(space)
    const lambda = population ?? 4 + Math.floor(3 * Math.log(Math.max(1, n)))
    const mu = Math.max(1, Math.floor(lambda / 2))
    const raw = Array.from({ length: mu }, (_, i) => Math.log((lambda + 1) / 2) - Math.log(i + 1))
    const sum = raw.reduce((a, b) => a + b, 0)
    const weights = raw.map((weight) => weight / sum)
    const muEff = 1 / weights.reduce((a, b) => a + b * b, 0)
    const cSigma = (muEff + 2) / (n + muEff + 5)
    const damping = 1 + 2 * Math.max(0, Math.sqrt((muEff - 1) / (n + 1)) - 1) + cSigma
    const cC = (4 + muEff / n) / (n + 4 + (2 * muEff) / n)
    const c1 = 2 / ((n + 1.3) ** 2 + muEff)
    const cMu = Math.min(1 - c1, (2 * (muEff - 2 + 1 / muEff)) / ((n + 2) ** 2 + muEff))
    const expected = Math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n))
    /** Smallest standard deviation of each coordinate, with which some draws still leave the option's cell. */
    const least = new Float64Array(n)
    for (const [d, { at }] of places.entries()) {
      const decision = space.decisions[d]!
      if (decision.kind === 'choice' && decision.ordered) least[at] = 0.3 / decision.options.length
    }

    const mean = new Float64Array(n).fill(0.5)
    let sigma = firstSigma
    const covariance = new Float64Array(n * n)
    for (let i = 0; i < n; i++) covariance[i * n + i] = 1
    let basis = eigen(covariance, n)
    const pathSigma = new Float64Array(n)
    const pathC = new Float64Array(n)
    let generation = 0
    let arrived: Point[] = []
    let ended = 0

    const draw = (rng: Random): Float64Array => {
      const { values, vectors } = basis
      const scaled = values.map((value) => Math.sqrt(Math.max(0, value)) * rng.normal())
      return mean.map((centre, i) => {
        let step = 0
        for (let k = 0; k < n; k++) step += vectors[i * n + k]! * scaled[k]!
        const narrow = least[i]! > 0 && sigma * Math.sqrt(covariance[i * n + i]!) < least[i]!
        return reflected(centre + (narrow ? least[i]! * rng.normal() : sigma * step))
      })
    }
    const decode = (x: Float64Array): Genotype => {
      const genotype: number[] = []
      while (genotype.length < space.decisions.length) {
        const d = genotype.length
        const { at } = places[d]!
        const decision = space.decisions[d]!
        const allowed = space.allowed(genotype)
        if (allowed === null) genotype.push(fromUnit(decision, x[at]!))
        else if (allowed.length === 1) genotype.push(allowed[0]!)
        else if (decision.kind === 'choice' && !decision.ordered)
          genotype.push(allowed.reduce((best, option) => (x[at + option]! > x[at + best]! ? option : best)))
        else {
          const wanted = fromUnit(decision, x[at]!)
          genotype.push(allowed.reduce((a, b) => (Math.abs(b - wanted) < Math.abs(a - wanted) ? b : a)))
        }
      }
      return genotype
    }
    /** Coordinates that decode to a genotype, for results of proposals that this controller did not make. */
    const encode = (genotype: Genotype): Float64Array => {
      const x = mean.slice()
      for (const [d, { at, size }] of places.entries()) {
        if (!space.isActive(genotype, d)) continue
        if (size === 1) x[at] = toUnit(space.decisions[d]!, genotype[d]!)
        else for (let option = 0; option < size; option++) x[at + option] = option === genotype[d] ? 0.75 : 0.25
      }
      return x
    }

    const update = () => {
      generation++
      arrived.sort((a, b) => feasibleFirst(a.outcome, b.outcome))
      const old = mean.slice()
      mean.fill(0)
      for (let k = 0; k < mu; k++) for (let i = 0; i < n; i++) mean[i]! += weights[k]! * arrived[k]!.x[i]!
      const shift = mean.map((value, i) => (value - old[i]!) / sigma)
      const { values, vectors } = basis
      // C^(−1/2) · shift, in the basis of eigenvectors.
      const inBasis = values.map((value, k) => {
        let along = 0
        for (let i = 0; i < n; i++) along += vectors[i * n + k]! * shift[i]!
        return along / Math.sqrt(Math.max(1e-20, value))
      })
      let length = 0
      for (let i = 0; i < n; i++) {
        let white = 0
        for (let k = 0; k < n; k++) white += vectors[i * n + k]! * inBasis[k]!
        pathSigma[i] = (1 - cSigma) * pathSigma[i]! + Math.sqrt(cSigma * (2 - cSigma) * muEff) * white
        length += pathSigma[i]! ** 2
      }
      length = Math.sqrt(length)
      const moves = length / Math.sqrt(1 - (1 - cSigma) ** (2 * generation)) < (1.4 + 2 / (n + 1)) * expected
      for (let i = 0; i < n; i++)
        pathC[i] = (1 - cC) * pathC[i]! + (moves ? Math.sqrt(cC * (2 - cC) * muEff) * shift[i]! : 0)
      const kept = 1 - c1 - cMu + (moves ? 0 : c1 * cC * (2 - cC))
      for (let i = 0; i < n; i++)
        for (let j = 0; j <= i; j++) {
          let rank = 0
          for (let k = 0; k < mu; k++)
            rank += (weights[k]! * (arrived[k]!.x[i]! - old[i]!) * (arrived[k]!.x[j]! - old[j]!)) / (sigma * sigma)
          const value = kept * covariance[i * n + j]! + c1 * pathC[i]! * pathC[j]! + cMu * rank
          covariance[i * n + j] = value
          covariance[j * n + i] = value
        }
      sigma = Math.min(1, sigma * Math.exp((cSigma / damping) * (length / expected - 1)))
      basis = eigen(covariance, n)
      arrived = []
    }

    return {
      propose(rng, start) {
        if (start?.from) return { genotype: space.mutate(start.from, rng) }
        const x = draw(rng)
        return { genotype: decode(x), context: { x: [...x] } }
      },
      observe(observations) {
        for (const observation of observations) {
          const outcome = outcomeOf(observation)
          const context = observation.proposal.context as { readonly x?: readonly number[] } | undefined
          const x = context?.x?.length === n ? Float64Array.from(context.x) : encode(outcome.genotype)
          const again = arrived.findIndex((point) => point.outcome.trial === outcome.trial)
          if (again >= 0) arrived[again] = { x, outcome }
          else {
            ended++
            arrived.push({ x, outcome })
          }
          if (arrived.length >= lambda) update()
        }
        return { trials: ended, generation, sigma }
      },
      [Symbol.dispose]: () => {},
    }
  }
}
