export { elementTypes, numbersOfType, numberToFloat16, valuesOfType } from './element-types.ts'
export {
  type Availability,
  currentEngine,
  type EngineDefinition,
  type EngineReport,
  registerEngine,
  useEngine,
} from './engine.ts'
export { wasmFilesAt } from './engines/wasm.ts'
export type { Installed } from './fill-ins/index.ts'
export { float16ToNumber } from './float16.ts'
export { formatDoctorReport } from './format-report.ts'
export * from './fused.ts'
export { spaceToDepth } from './gradients/index.ts'
export * from './initialisers.ts'
export * from './layers/index.ts'
export { fromLayersModel, type LayersModelLike } from './layers-model.ts'
export { countTensors, type TensorCount } from './leaks.ts'
export { correctCount, l1Loss, l2Loss, sigmoidCrossEntropy, softmaxCrossEntropy } from './losses.ts'
export { type NetworkOptions, network, type ScopedNetwork } from './network.ts'
export { onnxRuntimeMissing } from './onnx-runtime.ts'
export { loadOptimizer, saveOptimizer } from './optimizer-state.ts'
export * from './optimizers.ts'
export { type Owned, owned } from './owned.ts'
export { type Probe, probe, type Speed } from './probe.ts'
export {
  type DoctorReport,
  doctorReport,
  type EngineDiagnosis,
  type EngineListing,
  listEngines,
} from './report.ts'
export { insertZeros, subsample } from './resample.ts'
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
} from './safetensors.ts'
export {
  type Layer,
  type Normalisation,
  type NormalisationOptions,
  type ScopedVariable,
  type VariableScope,
  type VariableScopeOptions,
  variableScope,
  type WeightRecord,
} from './scope.ts'
export { type TrainStepOptions, type TrainStepResult, trainStep, trainStepAsync } from './step.ts'
