import type { EvaluatorDefinition } from '../evaluator.ts'
import type { SearchSpace } from '../space/space.ts'
import type { ResolvedObjective } from '../trial/objective.ts'
import type { Composition } from './compose.ts'
import type { Plugin } from './plugin.ts'
import { EVALUATOR_DEFINITION, partTokens } from './tokens.ts'

interface Described {
  readonly space: SearchSpace
  readonly plugins: readonly Plugin[]
  readonly composition: Composition
  readonly seed: number
  readonly objectives: readonly ResolvedObjective[]
  readonly study: string
}

const sizeText = (space: SearchSpace) =>
  space.decisions.some((decision) => decision.kind === 'real') ? 'real-valued' : `${space.size} architectures`

/** Describes the composed search: each part, the plugin or option that bound it, and its options. */
export function describe({ space, plugins, composition, seed, objectives, study }: Described): string {
  const evaluator = composition.get(EVALUATOR_DEFINITION)
  const lines = [
    `space       ${space.name} (${space.decisions.length} decisions, ${sizeText(space)}${space.build ? ', builds networks' : ''})`,
    `evaluator   ${evaluator.name} (${evaluator.kind}), from ${composition.origins.get(EVALUATOR_DEFINITION)}`,
    ...(['algorithm', 'controller', 'scheduler', 'trainer'] as const).flatMap((part) => {
      const origin = composition.origins.get(partTokens[part])
      return origin === undefined ? [] : [`${part.padEnd(11)} from ${origin}`]
    }),
    ...plugins.map(
      (plugin) =>
        `plugin      ${plugin.name} ${JSON.stringify(plugin.options, (_, value: unknown) => (value === Number.POSITIVE_INFINITY ? 'Infinity' : value))}`,
    ),
    ...objectives.map((objective) => {
      const bound =
        objective.atMost !== undefined
          ? `, at most ${objective.atMost}`
          : objective.atLeast !== undefined
            ? `, at least ${objective.atLeast}`
            : ''
      return `objective   ${objective.direction} ${objective.metric}${bound} (weight ${objective.weight})`
    }),
    `seed        ${seed}`,
    `study       ${study}`,
  ]
  return lines.join('\n')
}

/** The BibTeX entries of exactly the parts in use, each once. */
export function cite(space: SearchSpace, evaluator: EvaluatorDefinition, plugins: readonly Plugin[]): string {
  const papers = [...(space.papers ?? []), ...(evaluator.papers ?? []), ...plugins.flatMap((plugin) => plugin.papers)]
  return [...new Set(papers.map((paper) => paper.bibtex.trim()))].join('\n\n')
}
