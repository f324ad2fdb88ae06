import { defineErrors, quote } from '../../core/errors.ts'

export const error = defineErrors('onnx', {
  ARCHLOOM_ONNX_KERNEL_UNSUPPORTED: (d: { kernel: string; supported: readonly string[] }) =>
    `the network runs the kernel ${quote(d.kernel)}, which has no translation to ONNX yet; supported: ${d.supported.join(', ')}. Use a layer made of these.`,
  ARCHLOOM_ONNX_KERNEL_FORM: (d: { kernel: string; received: string; expected: string }) =>
    `the kernel ${quote(d.kernel)} with ${d.received} has no translation to ONNX, expected ${d.expected}.`,
  ARCHLOOM_ONNX_NOT_FINITE: (d: { constant: string; values: number; of: number }) =>
    `${d.values} of the ${d.of} values of ${quote(d.constant)} are not finite numbers; the network's training has diverged, or it was loaded from a damaged file. Export a sound one.`,
  ARCHLOOM_ONNX_SIZE_FIXED: (d: { reason: string }) =>
    `the network cannot be exported for images of any size: ${d.reason}. Leave out dynamicSize, and state the size as \`input\`.`,
  ARCHLOOM_ONNX_OPTION: (d: { option: string; received: unknown; expected: string }) =>
    `exportOnnx received ${d.option} ${quote(d.received)}, expected ${d.expected}.`,
  ARCHLOOM_ONNX_CALIBRATION: (d: { received: string; expected: string }) =>
    `quantised activations need a calibration set, received ${d.received}, expected ${d.expected}; pass some dozens of training images as \`calibration\`, or leave activations at 32 bits.`,
  ARCHLOOM_ONNX_RUNTIME_MISSING: (d: { reason: string }) =>
    `the package "onnxruntime-node", which runs ONNX files, could not be loaded (${d.reason}); install it with \`npm install onnxruntime-node\`.`,
  ARCHLOOM_ONNX_FILE: (d: { file: string; reason: string }) =>
    `${quote(d.file)} is no model that ONNX Runtime can open (${d.reason}); it is truncated, of another format, or of an opset that it does not know.`,
  ARCHLOOM_TFJS_FOLDER: (d: { folder: string; reason: string }) =>
    `${quote(d.folder)} cannot be read as a tf.js model: ${d.reason}. Give the folder of a saved model: model.json and all files that it names.`,
  ARCHLOOM_TFJS_KERNEL_UNSUPPORTED: (d: { kernel: string; supported: readonly string[] }) =>
    `the network runs the kernel ${quote(d.kernel)}, which has no operator in graph models here; supported: ${d.supported.join(', ')}.`,
  ARCHLOOM_TFJS_OPERATOR: (d: { node: string; op: string; supported: readonly string[] }) =>
    `node ${quote(d.node)} of a graph model is a ${quote(d.op)}, which is not read; supported: ${d.supported.join(', ')}. Load the model with tf.js itself.`,
  ARCHLOOM_TFJS_LAYER: (d: { node: string; op: string; supported: readonly string[] }) =>
    `node ${quote(d.node)} (${d.op}) has no layer in tf.js's layers models; supported: ${d.supported.join(', ')}. Export a graph model instead.`,
})

/** Thrown inside a translation where a size that should stay open cannot; the caller decides what that means. */
export class SizeFixed extends Error {}
