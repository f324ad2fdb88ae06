/** Trained networks leave archloom: ONNX files, quantised or not, tf.js folders, safetensors. */
export { OPSET } from './encode.ts'
export { type Exportable, type Exported, type ExportOptions, type ExportReport, exportOnnx } from './export.ts'
export { supportedKernels } from './kernels/index.ts'
export { type OnnxModel, type OnnxTensor, type OpenOptions, openOnnx } from './session.ts'
