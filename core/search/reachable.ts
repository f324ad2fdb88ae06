import { nextTurn } from '#platform'
import { quote } from '../errors.ts'
import type { Evaluator } from '../evaluator.ts'
import type { Random } from '../random.ts'
import type { Genotype } from '../space/decision.ts'
import type { SearchSpace } from '../space/space.ts'
import { boundsText, type ResolvedObjective, violationOf } from '../trial/objective.ts'

type Costs = Readonly<Record<string, number>>

/** An architecture that comes nearest to bounds which none was found to keep. */
export interface UnmetBounds {
  /** The bounds on costs that are known before training, as text. */
  readonly bounds: string
  /** Genotype of the architecture, as text. */
  readonly nearest: string
  /** Its costs under these bounds, as text. */
  readonly costs: string
  /** Number of architectures that were tried. */
  readonly tried: number
  /** Whether these were all architectures of the space. */
  readonly all: boolean
}

export interface UnmetBoundsParts<A> {
  readonly space: SearchSpace<A>
  readonly evaluator: Pick<Evaluator<A>, 'costs'>
  readonly objectives: readonly ResolvedObjective[]
  readonly rng: Random
  readonly signal: AbortSignal
}

/** Random architectures that are tried first. In most searches one of them keeps the bounds. */
const SAMPLES = 64
/** Architectures that an evolution then tries, and the largest space that is tried as a whole. */
const LIMITS = { evolution: 2000, whole: 50_000 }
/** The same for costs that take work. */
const SLOW_LIMITS = { evolution: 200, whole: 500 }
const POPULATION = 16
/** Share of the children that have two parents. */
const CROSSED = 0.25
/** Milliseconds after which timers and signal handlers get a turn. */
const TURN_MS = 40

const isBounded = ({ atMost, atLeast }: ResolvedObjective) => atMost !== undefined || atLeast !== undefined

function sizeOf(space: Pick<SearchSpace, 'size'>): bigint | undefined {
  try {
    return space.size
  } catch {
    // A real decision.
    return undefined
  }
}

/**
 * Looks for an architecture that keeps the bounds on costs that are known before training: among random ones, then by an
 * evolution towards smaller violations, then, in a small space, among all. Undefined if there is one, if no bound is on
 * such a cost, or if the search is stopped meanwhile. Architectures whose costs cannot be computed are passed over.
 */
export async function unmetBounds<A>(parts: UnmetBoundsParts<A>): Promise<UnmetBounds | undefined> {
  const { space, evaluator, objectives, signal } = parts
  const bounded = objectives.filter(isBounded)
  if (!evaluator.costs || bounded.length === 0) return undefined
  const rng = parts.rng.fork('bounds')
  const population: { readonly genotype: Genotype; readonly violation: number; readonly costs: Costs }[] = []
  const seen = new Set<string>()
  let isSlow = false
  let unknown = 0
  let turned = performance.now()

  /** Whether the architecture keeps the bounds. */
  const isMet = async (genotype: Genotype): Promise<boolean> => {
    const text = genotype.join()
    if (seen.has(text)) return false
    seen.add(text)
    if (performance.now() - turned > TURN_MS) {
      await nextTurn()
      turned = performance.now()
    }
    let costs: Costs | undefined
    try {
      const counted = evaluator.costs!(space.decode(genotype))
      if (counted instanceof Promise) isSlow = true
      costs = await counted
    } catch {
      // The trial will say what is wrong with it.
    }
    if (!costs || !bounded.some(({ metric }) => costs[metric] !== undefined)) {
      unknown++
      return false
    }
    const violation = violationOf(bounded, costs)
    if (violation === 0) return true
    population.push({ genotype, violation, costs })
    population.sort((a, b) => a.violation - b.violation)
    population.splice(POPULATION)
    return false
  }

  for (let i = 0; i < SAMPLES && !signal.aborted; i++) {
    if (await isMet(space.random(rng))) return undefined
    // No bound is on a cost that is known.
    if (population.length === 0 && unknown >= 3) return undefined
  }
  const { evolution, whole } = isSlow ? SLOW_LIMITS : LIMITS
  for (let i = 0; i < evolution && population.length > 0 && !signal.aborted; i++) {
    const parent = rng.pick(population).genotype
    const child = rng.float() < CROSSED ? space.crossover(parent, rng.pick(population).genotype, rng) : parent
    if (await isMet(space.mutate(child, rng))) return undefined
  }
  const size = sizeOf(space)
  const isSmall = size !== undefined && size <= whole
  if (isSmall)
    for (const genotype of space.enumerate()) {
      if (signal.aborted) return undefined
      if (await isMet(genotype)) return undefined
    }
  const [nearest] = population
  if (!nearest || signal.aborted) return undefined
  const known = bounded.filter(({ metric }) => nearest.costs[metric] !== undefined)
  return {
    bounds: boundsText(known),
    nearest: quote(space.decode(nearest.genotype)),
    costs: known.map(({ metric }) => `${metric} ${nearest.costs[metric]}`).join(', '),
    tried: seen.size - unknown,
    all: isSmall && unknown === 0,
  }
}
