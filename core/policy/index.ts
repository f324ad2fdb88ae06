/** What controllers are made of: distributions that learn, populations, and Pareto ranking. No tensors. */
export * from './baseline.ts'
export * from './categorical-policy.ts'
export * from './lstm-policy.ts'
export * from './novelty.ts'
export * from './pareto.ts'
export * from './policy.ts'
export * from './policy-gradient.ts'
export * from './population.ts'
export * from './ranking.ts'
export { restored } from './snapshot.ts'
export type { Parameter, Vector } from './tape/index.ts'
/** Differentiation of small vectors, for policies of your own. */
export * as tape from './tape/index.ts'
