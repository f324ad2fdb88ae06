import { defineErrors, quote } from '../errors.ts'

const shape = (dims: readonly (number | null)[]) => `[${dims.join(', ')}]`

export const error = defineErrors('tensor', {
  ARCHLOOM_ONNXRUNTIME_MISSING: (d: { reason: string; use: string; otherwise?: string }) =>
    `the package "onnxruntime-node", which ${d.use}, could not be loaded (${d.reason}). Install it with \`npm install onnxruntime-node\`${d.otherwise === undefined ? '' : `, or ${d.otherwise}`}. Where only the npm registry can be reached: \`ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node\`, because its install script downloads GPU libraries, which are not needed.`,
  ARCHLOOM_ENGINE_UNKNOWN: (d: { name: string; known: readonly string[] }) =>
    `there is no engine ${quote(d.name)}; the engines are ${['auto', ...d.known].map((name) => quote(name)).join(', ')}.`,
  ARCHLOOM_ENGINE_UNAVAILABLE: (d: { name: string; reason: string; remedy: string }) =>
    `engine ${quote(d.name)} cannot run here: ${d.reason}. ${d.remedy}`,
  ARCHLOOM_ENGINE_ALREADY_CHOSEN: (d: { name: string; chosen: string }) =>
    `this process computes on ${quote(d.chosen)} and cannot change to ${quote(d.name)}: tensors belong to the engine that made them. Choose the engine once, before the first tensor, or start another process.`,
  ARCHLOOM_ENGINE_NOT_CHOSEN: (_: Record<string, never>) =>
    'no engine has been chosen yet; call `await useEngine()` before anything that makes tensors.',
  ARCHLOOM_ENGINE_THREADS: (d: { received: string }) =>
    `ARCHLOOM_THREADS is ${quote(d.received)}, expected a positive whole number; correct it, or unset it to use all cores of the machine.`,
  ARCHLOOM_GRADIENT_MISSING: (d: { kernel: string; engine: string }) =>
    `the operation ${quote(d.kernel)} cannot be differentiated on the engine ${quote(d.engine)}: it has no gradient. Compute that part with other operations, keep it out of what is trained, or register a gradient with tf.registerGradient before useEngine.`,
  ARCHLOOM_ENGINE_PROBE_FAILED: (d: { name: string; reason: string }) =>
    `the speed probe of engine ${quote(d.name)} failed: ${d.reason.replace(/\.$/, '')}; choose another engine, or repair this one.`,
  ARCHLOOM_ENGINE_MEMORY: (d: { bytes: number; shape: readonly number[] }) =>
    `the engine "wasm" has no room for a tensor of shape ${shape(d.shape)} (${d.bytes} bytes; all tensors together have 4 GiB); dispose of tensors, make the batch smaller, or use the engine "onnxruntime".`,
  ARCHLOOM_TENSOR_SHAPE: (d: { shape: readonly number[] }) =>
    `an operation would make a tensor of shape ${shape(d.shape)}, but every size must be a whole number, 0 or more. Correct the sizes it was given: a window larger than its image has such a result, for example.`,
  ARCHLOOM_SCOPE_DUPLICATE_NAME: (d: { path: string }) =>
    `the scope already has a variable ${quote(d.path)}; give each layer a child scope of its own, as in scope.child('conv1').`,
  ARCHLOOM_SCOPE_NAME_INVALID: (d: { name: string }) =>
    `${quote(d.name)} cannot name a variable or child scope; expected a non-empty string without "/".`,
  ARCHLOOM_SCOPE_DISPOSED: (d: { path: string }) =>
    `the scope has been disposed of, so ${quote(d.path)} can be neither made nor read; build the network again.`,
  ARCHLOOM_WEIGHTS_MISSING: (d: { missing: readonly string[]; received: number; expected: number }) =>
    `the record has ${d.received} variables and lacks ${d.missing.length} of the ${d.expected} expected: ${quote(d.missing)}. Load it into the architecture that saved it, or pass { partial: true } to keep the present values.`,
  ARCHLOOM_WEIGHTS_UNEXPECTED: (d: { unexpected: readonly string[] }) =>
    `the record has variables that do not exist in this network: ${quote(d.unexpected)}. Load it into the architecture that saved it, or pass { partial: true } to ignore them.`,
  ARCHLOOM_WEIGHTS_SHAPE_MISMATCH: (d: { name: string; received: readonly number[]; expected: readonly number[] }) =>
    `variable ${quote(d.name)} was saved with shape ${shape(d.received)}, expected ${shape(d.expected)}; load it into the architecture that saved it.`,
  ARCHLOOM_WEIGHTS_LENGTH_MISMATCH: (d: { name: string; received: number; expected: number }) =>
    `variable ${quote(d.name)} was saved with ${d.received} values where its shape holds ${d.expected}; the record is damaged.`,
  ARCHLOOM_LAYERS_MODEL: (d: { received: string; expected: string }) =>
    `fromLayersModel received ${d.received}; expected ${d.expected}.`,
  ARCHLOOM_NETWORK_INPUT_SHAPE: (d: { received: readonly number[]; expected: readonly number[] }) =>
    `the network received inputs of shape ${shape(d.received)}, expected ${shape(['batch', ...d.expected] as never)}.`,
  ARCHLOOM_NETWORK_OUTPUT_SHAPE: (d: { received: readonly number[]; expected: readonly number[] }) =>
    `the network's apply returned shape ${shape(d.received)}, but it declares ${shape(d.expected)} (with the batch first); correct apply or outputShape.`,
  ARCHLOOM_LAYER_CHANNELS: (d: { layer: string; received: readonly number[]; channels: number }) =>
    `${d.layer} received a tensor of shape ${shape(d.received)}, expected ${d.channels} values along its last axis; correct the layer's options or what comes before it.`,
  ARCHLOOM_LAYER_NEEDS_RANDOMNESS: (d: { layer: string }) =>
    `${d.layer} draws random numbers while training, but the mode has no rng; apply the network with { training: true, rng }.`,
  ARCHLOOM_FUSED_SHAPE: (d: { op: string; input: string; shape: readonly number[]; expected: string }) =>
    `${d.op} received ${d.input} of shape ${shape(d.shape)}, expected ${d.expected}.`,
  ARCHLOOM_FUSED_DTYPE: (d: { op: string; input: string; dtype: string }) =>
    `${d.op} received ${d.input} of dtype ${quote(d.dtype)}, expected float32, or int32 or bool, which are converted to float32.`,
  ARCHLOOM_TARGETS_SHAPE: (d: { loss: string; received: readonly number[]; predictions: readonly number[] }) =>
    `${d.loss} received targets of shape [${d.received.join(', ')}] for predictions of shape [${d.predictions.join(', ')}]; expected the same shape. Reshape the targets: paired as they are, each would count against values of other examples.`,
  ARCHLOOM_LABELS_SHAPE: (d: { received: readonly number[]; logits: readonly number[] }) =>
    `labels have shape ${shape(d.received)}; expected class indices ${shape(d.logits.slice(0, 1))} or probabilities ${shape(d.logits)} beside logits ${shape(d.logits)}.`,
  ARCHLOOM_TENSOR_BROWSER: (d: { what: string; remedy: string }) => `a browser has no way ${d.what}. ${d.remedy}`,
  ARCHLOOM_SAFETENSORS_FILE: (d: { file: string; reason: string }) =>
    `${quote(d.file)} cannot be read as safetensors: ${d.reason}. Use a complete file in the safetensors format.`,
  ARCHLOOM_SAFETENSORS_TENSOR: (d: { tensor: string; received: string; expected: string }) =>
    `the tensor ${quote(d.tensor)} of safetensors has ${d.received}, expected ${d.expected}; the file is damaged, or the program that wrote it has a bug.`,
  ARCHLOOM_SAFETENSORS_SOURCE: (d: { received: readonly string[] }) =>
    `weights are saved from and loaded into a network with a scope (network() of archloom/tensor), a variable scope, or a supernet; received an object of ${quote(d.received)}.`,
})
