import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('onnx', {
  ARCHLOOM_ONNX_KERNEL_UNSUPPORTED: (d: { kernel: string; supported: readonly string[] }) =>
    `the network runs the kernel ${quote(d.kernel)}, which has no translation to ONNX yet; supported: ${d.supported.join(', ')}. Use a layer that consists of these.`,
  ARCHLOOM_ONNX_KERNEL_FORM: (d: { kernel: string; received: string; expected: string }) =>
    `the kernel ${quote(d.kernel)} with ${d.received} has no translation to ONNX, expected ${d.expected}.`,
  ARCHLOOM_ONNX_NOT_FINITE: (d: { constant: string; values: number; of: number }) =>
    `${d.values} of the ${d.of} values of ${quote(d.constant)} are not finite numbers; the network's training has diverged, or it was loaded from a damaged file. Export an intact network.`,
  ARCHLOOM_ONNX_SIZE_FIXED: (d: { reason: string }) =>
    `the network cannot be exported for images of any size: ${d.reason}. Leave out dynamicSize, and state the size as \`input\`.`,
  ARCHLOOM_ONNX_CALIBRATION: (d: { received: string; expected: string }) =>
    `quantised activations need a calibration set, received ${d.received}, expected ${d.expected}; pass a few dozen training images as \`calibration\`, or leave activations at 32 bits.`,
  ARCHLOOM_ONNX_FILE: (d: { file: string; reason: string }) =>
    `${quote(d.file)} is not a model that ONNX Runtime can open (${d.reason}); it is truncated, of another format, or of an opset that it does not know.`,
  ARCHLOOM_ONNX_UPSCALER: (d: { file: string; reason: string }) =>
    `${quote(d.file)} does not enlarge images as expected: ${d.reason}. Expected one input of the shape [1, channels, height, width] or [1, height, width, channels] with 1 or 3 channels, and a result that is larger by a whole factor. Export the network in this form.`,
  ARCHLOOM_ONNX_TENSOR: (d: { file: string; tensor: string; reason: string }) =>
    `the tensor ${quote(d.tensor)} of ${quote(d.file)} cannot be given or read as numbers: ${d.reason}. Give values of the type and shape that the file states, or export it with outputs of another type.`,
  ARCHLOOM_ONNX_OPERATOR: (d: { node: string; op: string; supported: readonly string[] }) =>
    `node ${quote(d.node)} of an ONNX file is a ${quote(d.op)}, which importOnnx does not read; supported: ${d.supported.join(', ')}. Run the file with openOnnx, or export the model without it.`,
  ARCHLOOM_ONNX_ATTRIBUTE: (d: { node: string; op: string; attribute: string; received: unknown; expected: string }) =>
    `node ${quote(d.node)} (${d.op}) of an ONNX file has ${d.attribute} ${quote(d.received)}, expected ${d.expected}. Run the file with openOnnx, or export the model without it.`,
  ARCHLOOM_IMPORT_INPUT: (d: { source: string; reason: string; remedy: string }) =>
    `the model ${quote(d.source)} cannot be a network of one input: ${d.reason}. ${d.remedy}.`,
  ARCHLOOM_IMPORT_NODE: (d: { node: string; op: string; reason: string }) =>
    `node ${quote(d.node)} (${d.op}) of an imported model cannot be computed: ${d.reason}. The file contradicts itself, or the input is not the one for which it was made.`,
  ARCHLOOM_IMPORT_TRAINING: (d: { node: string; op: string }) =>
    `node ${quote(d.node)} of an imported model is a ${quote(d.op)}, for which tfjs has no gradient: the model can be applied but not trained further. Train the part of it that comes before, with the option output.`,
  ARCHLOOM_TFJS_ATTRIBUTE: (d: { node: string; op: string; attribute: string; received: unknown; expected: string }) =>
    `node ${quote(d.node)} (${d.op}) of a graph model has ${d.attribute} ${quote(d.received)}, expected ${d.expected}. Load the model with tf.js itself.`,
  ARCHLOOM_KERAS_LAYER: (d: { layer: string; type: string; why: string; supported: readonly string[] }) =>
    `layer ${quote(d.layer)} of a Keras model is of type ${quote(d.type)}${d.why ? ` (${d.why})` : ''}, which is not read; supported: ${d.supported.join(', ')}. Load the model with tf.js itself, or save it without the layer.`,
  ARCHLOOM_TFJS_KERNEL_UNSUPPORTED: (d: { kernel: string; supported: readonly string[] }) =>
    `the network runs the kernel ${quote(d.kernel)}, which has no operator in graph models here; supported: ${d.supported.join(', ')}.`,
  ARCHLOOM_TFJS_OPERATOR: (d: { node: string; op: string; supported: readonly string[] }) =>
    `node ${quote(d.node)} of a graph model is a ${quote(d.op)}, which is not read; supported: ${d.supported.join(', ')}. Load the model with tf.js itself.`,
  ARCHLOOM_TFJS_LAYER: (d: { node: string; op: string; supported: readonly string[] }) =>
    `node ${quote(d.node)} (${d.op}) has no layer in tf.js's layers models; supported: ${d.supported.join(', ')}. Export a graph model instead.`,
})

/** Thrown inside a translation if a size that should stay open cannot; the caller decides how to handle it. */
export class SizeFixed extends Error {}
