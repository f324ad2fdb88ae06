export * from './options.ts'
export * from './pareto.ts'
export * from './population.ts'
export { restored } from './snapshot.ts'
