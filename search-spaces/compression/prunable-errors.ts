import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('prunable-networks', {
  ARCHLOOM_PRUNABLE_LAYER: (d: { layer: string; type: string; why: string; supported: readonly string[] }) =>
    `layer ${quote(d.layer)} is of type ${quote(d.type)}${d.why ? ` (${d.why})` : ''}, which cannot become part of a prunable network; supported are ${d.supported.join(', ')}. Replace the layer, or prune the part of the model before it.`,
  ARCHLOOM_PRUNABLE_GRAPH: (d: { node: string; why: string }) =>
    `the layer graph is inconsistent at ${quote(d.node)}: ${d.why}. List nodes in topological order, each with its inputs before it.`,
  ARCHLOOM_PRUNABLE_WEIGHTS: (d: { node: string; weights: string; index: number; value: number }) =>
    `${d.weights} of ${quote(d.node)} holds ${d.value} at index ${d.index}; expected finite numbers. Train the network again, or load an earlier checkpoint.`,
  ARCHLOOM_PRUNABLE_MODEL: (d: { received: string; expected: string }) =>
    `the model holds ${d.received}; expected ${d.expected}. Save it with model.save(), or give { modelTopology, weightSpecs, weightData }.`,
  ARCHLOOM_PRUNABLE_KEEP: (d: { group: string; received: unknown; expected: string }) =>
    `channels to keep of group ${quote(d.group)} are ${quote(d.received)}; expected ${d.expected}.`,
  ARCHLOOM_PRUNING_NOTHING: (d: { groups: readonly string[] }) =>
    `no group of channels may be pruned; expected at least one of ${quote(d.groups, 300)}. Give { groups: 'all' }, or a network with a layer between two others.`,
  ARCHLOOM_PRUNING_INFEASIBLE: (d: { rate: number; minimum: number }) =>
    `a share of ${d.rate} of the multiply-adds cannot be reached: the smallest network that the options allow keeps ${d.minimum.toFixed(4)}. Use at least this share, lower { least }, or let more groups be pruned with { groups: 'all' }.`,
})
