/** Exports trained networks: ONNX files, quantised or not, tf.js folders, safetensors. */

import { declarePlugin } from '../../core/index.ts'
import { exportOptions } from './options.ts'

export {
  decodeSafetensors,
  encodeSafetensors,
  loadSafetensors,
  readSafetensors,
  type Safetensors,
  type SafetensorsOptions,
  saveSafetensors,
  type WeightStore,
  type WithWeights,
} from '../../core/tensor/index.ts'
export type { Calibration } from './calibrate.ts'
export { type CompareOptions, type Comparison, compareOnnx, onnxLatency } from './compare.ts'
export { encode, OPSET } from './encode.ts'
export {
  type Exportable,
  type Exported,
  type ExportOptions,
  type ExportReport,
  exportOnnx,
  type QuantiseOptions,
} from './export.ts'
export { GraphBuilder, type GraphConstant, type GraphNode, type OnnxGraph } from './graph.ts'
export { importOnnx, type OnnxImportOptions, onnxImportOperators } from './import-onnx.ts'
export type { ImportedNetwork, ImportOptions } from './imported-network.ts'
export { supportedKernels } from './kernels/index.ts'
export type { Carried, QuantisedLayer } from './quantise.ts'
export { exportQuantisedModel } from './quantised-model.ts'
export { type OnnxModel, type OnnxTensor, type OpenOptions, openOnnx } from './session.ts'
export { exportGraphModel, type FolderReport, graphModelKernels } from './tfjs/graph-model.ts'
export { graphModelOperators, importGraphModel } from './tfjs/import-graph-model.ts'
export { importLayersModel } from './tfjs/import-layers-model.ts'
export { exportLayersModel, layersModelNodes } from './tfjs/layers-model.ts'
export { type OnnxUpscaler, type OnnxUpscalerOptions, openOnnxUpscaler } from './upscaler.ts'

declarePlugin({
  name: 'onnx',
  kind: 'format',
  does: 'Writes and reads ONNX, tf.js and safetensors files of trained networks.',
  options: exportOptions,
})
