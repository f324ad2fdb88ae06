/**
 * The cost of networks: multiply-adds, parameters, bit operations, bytes and latency, and the trace that they are
 * counted from.
 */
export { type ProfilerOptions, profiler } from './evaluator.ts'
export { type Latency, type LatencyOptions, latencyOf, timed } from './latency.ts'
export { costOf, type LayerCost, type LayerRow, multiplyAddsOf, weightsOf, withBits } from './layer-table.ts'
export { layersOf } from './network-layers.ts'
export {
  type BitOptions,
  type Bits,
  bops,
  bytes,
  latencyMs,
  multiplyAdds,
  type NetworkProfile,
  profileNetwork,
} from './profile.ts'
export {
  type Forward,
  type Trace,
  type TracedConstant,
  type TracedKernel,
  type TracedTensor,
  traceForward,
  traceForwards,
} from './trace.ts'
