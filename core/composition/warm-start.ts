import { optionError } from '../options/index.ts'
import type { Genotype } from '../space/decision.ts'
import type { SearchSpace } from '../space/space.ts'
import { checkSpace } from '../study/export-top.ts'
import { readRecord, StudyRecord } from '../study/record.ts'
import type { Studies } from '../study/studies.ts'
import type { WarmTrial } from '../trial/events.ts'
import { isMeasured, type ResolvedObjective } from '../trial/objective.ts'
import { error } from './errors.ts'

/**
 * A result of your own: an architecture or a genotype, and what was measured. With a fidelity below 1, such as 0.001 for a
 * zero-cost score under the objective's name, it ranks below every trial of the search for controllers that know
 * fidelities (tpe, predictor, gp, cma-es).
 */
export type WarmResult<A> = ({ readonly architecture: A } | { readonly genotype: Genotype }) & {
  readonly metrics: Readonly<Record<string, number>>
  readonly fidelity?: number
}

/** Where a search starts from: the name of a study in the same storage, its record, or results of your own. */
export type WarmStart<A> = string | StudyRecord | readonly WarmResult<A>[]

export interface WarmResults {
  readonly from: string
  readonly trials: readonly WarmTrial[]
}

export interface WarmStartParts<A> {
  readonly space: SearchSpace<A>
  readonly objectives: readonly ResolvedObjective[]
  /** Where a study is looked up by its name; absent where the search has a store of its own. */
  readonly studies?: (() => Promise<Studies>) | undefined
}

/**
 * Results with every objective of this search. Errors: ARCHLOOM_STUDY_NOT_FOUND, ARCHLOOM_STUDY_MISMATCH for a study of
 * another space, ARCHLOOM_WARM_START_EMPTY, ARCHLOOM_WARM_START_STORE, ARCHLOOM_OPTION, and those of the space.
 */
export async function readWarmStart<A>(given: WarmStart<A>, parts: WarmStartParts<A>): Promise<WarmResults> {
  const { space, objectives } = parts
  const source = typeof given === 'string' ? await recordOf(given, parts) : given
  const isRecord = source instanceof StudyRecord
  if (!isRecord && !Array.isArray(source))
    throw optionError('createSearch', 'warmStart', given, 'the name or record of a study, or an array of results')
  if (isRecord) checkSpace(source.name, space, source.started.space.fingerprint)
  const all: readonly WarmTrial[] = isRecord
    ? source.trials.filter(({ status }) => status === 'completed')
    : (source as readonly WarmResult<A>[]).map((result) => warmTrial(space, result))
  const from = isRecord ? source.name : 'results'
  const trials = all.flatMap(({ genotype, metrics, fidelity = 1 }) => {
    const finite = Object.fromEntries(Object.entries(metrics).filter(([, value]) => Number.isFinite(value)))
    return isMeasured(objectives, finite)
      ? [{ genotype: [...genotype], metrics: finite, ...(fidelity !== 1 && { fidelity }) }]
      : []
  })
  if (trials.length === 0)
    throw error('ARCHLOOM_WARM_START_EMPTY', {
      from,
      trials: all.length,
      metrics: objectives.map(({ metric }) => metric),
    })
  return { from, trials }
}

async function recordOf<A>(name: string, { studies }: WarmStartParts<A>): Promise<StudyRecord> {
  if (!studies) throw error('ARCHLOOM_WARM_START_STORE', { from: name })
  const store = await (await studies()).open(name)
  try {
    return await readRecord(store)
  } finally {
    await store.close()
  }
}

function warmTrial<A>(space: SearchSpace<A>, result: WarmResult<A>): WarmTrial {
  if (typeof result?.metrics !== 'object' || result.metrics === null)
    throw optionError('createSearch', 'warmStart', result, '{ architecture, metrics } or { genotype, metrics }')
  const { metrics, fidelity = 1 } = result
  if (!(fidelity > 0 && fidelity <= 1))
    throw optionError('createSearch', 'warmStart', fidelity, 'fidelities above 0 and at most 1')
  if (!('genotype' in result)) return { genotype: space.encode(result.architecture), metrics, fidelity }
  const valid = space.validate(result.genotype)
  if (!valid.ok) throw valid.error
  return { genotype: valid.genotype, metrics, fidelity }
}
