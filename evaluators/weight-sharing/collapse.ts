import {
  type ChoiceDecision,
  defineErrors,
  type EventDraft,
  type Genotype,
  quote,
  type SearchSpace,
} from '../../core/index.ts'
import { among, either, group, list, number, type OptionsOf, options, text } from '../../core/options/index.ts'
import { categoricalPolicy } from '../../core/policy/index.ts'

/** The warnings of a watch. They become warnings of the search, not exceptions. */
const warning = defineErrors('collapse', {
  ARCHLOOM_COLLAPSE_SKIPS: (d: { what: string; architecture: string; skips: number; operations: number }) =>
    `${d.what} ${quote(d.architecture)} has skip connections in ${d.skips} of ${d.operations} places. Shared weights favour them early, because they need no training: train the weights longer before the policy (warmUp: { epochs }), or stop earlier.`,
  ARCHLOOM_COLLAPSE_PARAMETER_FREE: (d: { what: string; architecture: string; free: number; operations: number }) =>
    `${d.what} ${quote(d.architecture)} has operations without weights in ${d.free} of ${d.operations} places, so it has hardly any weights to train. Train the shared weights longer before the policy (warmUp: { epochs }), or search with another seed.`,
  ARCHLOOM_COLLAPSE_ENTROPY: (d: { entropy: number; share: number }) =>
    `the policy's entropy has fallen to ${d.entropy.toFixed(3)} nats, ${(100 * d.share).toFixed(1)} % of that of a uniform policy, so it chooses almost always the same architecture. If this is too early, lower its learning rate or raise its entropy weight or temperature.`,
})

const share = { min: 0, max: 1 } as const
const fields = {
  skipShare: number({
    ...share,
    default: 0.5,
    doc: 'Warn where more than this share of the operations are skip connections.',
  }),
  parameterFreeShare: number({
    ...share,
    default: 0.9,
    doc: 'Warn where more than this share of the operations have no weights.',
  }),
  entropyShare: number({
    ...share,
    default: 0.05,
    doc: "Warn where the policy's entropy is below this share of a uniform policy's.",
  }),
  skips: list(text(), { default: ['skip_connect', 'skip', 'identity'], doc: 'Names of skip connections.' }),
  parameterFree: list(text(), {
    default: ['none', 'zero', 'avg_pool_3x3', 'max_pool_3x3'],
    doc: 'Names of the other operations without weights.',
  }),
}
const declared = options('collapseWatch', fields)
export type CollapseOptions = OptionsOf<typeof declared>
/** The option `collapse` of a method. */
export const collapseOption = either([among([false]), group(fields)], {
  absent: 'watched',
  doc: 'When to warn that the search has collapsed; false: never.',
})

/**
 * Counts of an architecture's operations, over the decisions that choose between operations with and without weights.
 */
export interface OperationShares {
  /** Active decisions that choose an operation; 0 in spaces without such decisions. */
  readonly operations: number
  readonly skips: number
  /** Number of operations without weights, including skip connections. */
  readonly parameterFree: number
}

/** Counts an architecture's skip connections and operations without weights. */
export function operationShares(
  space: Pick<SearchSpace, 'decisions' | 'isActive'>,
  genotype: Genotype,
  given: Pick<CollapseOptions, 'skips' | 'parameterFree'> = {},
): OperationShares {
  const { skips: skipNames, parameterFree: freeNames } = declared.read(given)
  const isSkip = (option: unknown) => skipNames.includes(option as string)
  const isFree = (option: unknown) => isSkip(option) || freeNames.includes(option as string)
  const chosen = space.decisions.flatMap((decision, index) =>
    choosesOperation(decision as ChoiceDecision, isFree) && space.isActive(genotype, index)
      ? [(decision as ChoiceDecision).options[genotype[index] as number]]
      : [],
  )
  return {
    operations: chosen.length,
    skips: chosen.filter(isSkip).length,
    parameterFree: chosen.filter(isFree).length,
  }
}

const choosesOperation = ({ kind, options }: ChoiceDecision, isFree: (option: unknown) => boolean) =>
  kind === 'choice' &&
  options.every((option) => typeof option === 'string') &&
  options.some(isFree) &&
  !options.every(isFree)

type Warning = Extract<EventDraft, { type: 'search.warning' }>

/**
 * Watches a one-shot search for collapse. Each warning is given at most once for the likely and once for the derived
 * architectures.
 */
export interface CollapseWatch {
  /** Checks the architecture that the search would derive now, or has derived. */
  architecture(genotype: Genotype, what: 'the likeliest architecture' | 'the derived architecture'): readonly Warning[]
  /**
   * Checks a policy's entropy. @param entropy In nats. @param most Entropy of a uniform policy over the same choices.
   */
  entropy(entropy: number, most: number): readonly Warning[]
}

const SILENT: CollapseWatch = { architecture: () => [], entropy: () => [] }

/**
 * Detects collapse of one-shot methods: dominance of skip connections (as published for DARTS and ENAS on
 * NAS-Bench-201), too few weights, and a policy without entropy. `false` turns it off. Error: ARCHLOOM_OPTION.
 */
export function collapseWatch(space: SearchSpace, given: CollapseOptions | false = {}): CollapseWatch {
  if (given === false) return SILENT
  const { skipShare, parameterFreeShare, entropyShare } = declared.read(given)
  const said = new Set<string>()
  const once = (what: string, { code, message }: { code: string; message: string }): readonly Warning[] => {
    const key = `${code} ${what}`
    if (said.has(key)) return []
    said.add(key)
    return [{ type: 'search.warning', code, message: message.replace(`${code}: `, '') }]
  }
  return {
    architecture(genotype, what) {
      const { operations, skips, parameterFree: free } = operationShares(space, genotype, given)
      if (operations === 0) return []
      const architecture = space.format(genotype)
      const facts = { what, architecture, operations }
      return [
        ...(skips > skipShare * operations ? once(what, warning('ARCHLOOM_COLLAPSE_SKIPS', { ...facts, skips })) : []),
        ...(free > parameterFreeShare * operations
          ? once(what, warning('ARCHLOOM_COLLAPSE_PARAMETER_FREE', { ...facts, free }))
          : []),
      ]
    },
    entropy(entropy, most) {
      const share = entropy / most
      if (!(share < entropyShare)) return []
      return once('policy', warning('ARCHLOOM_COLLAPSE_ENTROPY', { entropy, share }))
    },
  }
}

/** Entropy in nats of uniform choices along a genotype, the maximum of a policy's entropy there. */
export const uniformEntropy = (space: SearchSpace, genotype: Genotype): number =>
  categoricalPolicy(space).score(genotype).entropy
