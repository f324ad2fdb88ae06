import type { Json } from '../../space/decision.ts'
import type { ResolvedObjective } from '../../trial/objective.ts'
import type { Trial } from '../../trial/trial.ts'
import { durationText, numberText, tableText } from '../text.ts'

export type Label = (architecture: never) => string

/** A table of trials: their metrics (those of the objectives first) and their architectures. */
export function bestTable(
  trials: readonly Trial[],
  objectives: readonly ResolvedObjective[],
  { label, width = 120 }: { label?: Label | undefined; width?: number } = {},
): string {
  const wanted = objectives.map(({ metric }) => metric)
  const others = Object.keys(trials[0]?.metrics ?? {}).filter((name) => !wanted.includes(name))
  const metrics = [...wanted, ...others].slice(0, 5)
  const name = label as ((architecture: Json) => string) | undefined
  const rows = trials.map(({ trial, text, architecture, metrics: values, elapsedMs = 0 }, i) => [
    String(i + 1),
    String(trial),
    ...metrics.map((metric) => (values[metric] === undefined ? '' : numberText(values[metric]))),
    durationText(elapsedMs),
    name ? name(architecture) : `${text.length <= 24 ? `${text}  ` : ''}${shortArchitecture(architecture)}`,
  ])
  return tableText(['#', 'trial', ...metrics, 'took', 'architecture'], rows, width)
}

const SHORT = 50

/** The choices of an architecture as short text, with their names if there are few. */
export function shortArchitecture(architecture: Json): string {
  const leaves = leavesOf(architecture, '')
  if (leaves.length === 1 && leaves[0]?.[0] === '') return String(leaves[0][1])
  const named = leaves.map(([path, value]) => `${path} ${value}`).join(', ')
  return named.length <= SHORT ? named : leaves.map(([, value]) => String(value)).join(' ')
}

function leavesOf(part: Json, path: string): [path: string, value: unknown][] {
  if (typeof part !== 'object' || part === null) return [[path, part]]
  return Object.entries(part).flatMap(([key, value]) => leavesOf(value as Json, path === '' ? key : `${path}.${key}`))
}
