/** Scores of untrained networks. */
export { withZeroCost, type ZeroCostOptions, zeroCost, zeroCostOptions } from './evaluator.ts'
export { type ZeroCostProxy, zeroCostProxies, zeroCostScores } from './scores.ts'
