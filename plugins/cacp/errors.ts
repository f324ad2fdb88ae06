import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('cacp', {
  ARCHLOOM_CACP_SPACE: (d: { received: string }) =>
    `cacp received the space ${quote(d.received)}; expected a channelSpace(graph, { rates }). Get the graph from layerGraph(network) or importLayersModel(model).`,
  ARCHLOOM_CACP_CALIBRATION: (d: { received: number; expected: string }) =>
    `cacp: the calibration set has ${d.received} images; expected ${d.expected}. Give training images, or turn reconstruction off with { reconstruct: false }.`,
})
