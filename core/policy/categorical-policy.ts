import { optionNames } from '../options/index.ts'
import { type DecisionProcess, optionCount, type Policy, type PolicyOptions, policyOver } from './policy.ts'
import type { Parameter } from './tape/index.ts'

const categoricalPolicyNames = optionNames<PolicyOptions>('categoricalPolicy', { intervals: true })

/**
 * Independent softmaxes, one per decision, uniform at first. The distribution of a decision does not depend on the
 * other decisions.
 */
export function categoricalPolicy(process: DecisionProcess, options: PolicyOptions = {}): Policy {
  categoricalPolicyNames(options)
  const { intervals = 16 } = options
  const parameters: readonly Parameter[] = process.decisions.map((decision) => {
    const size = optionCount(decision, intervals)
    return { name: decision.name, shape: [size], value: new Float64Array(size), gradient: new Float64Array(size) }
  })
  const run = { logits: (index: number) => parameters[index] as Parameter, chose: () => {} }
  return policyOver(process, { parameters, begin: () => run }, { intervals })
}
