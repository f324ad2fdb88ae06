import type { Trace, TracedKernel } from '../../evaluators/profile/index.ts'
import { checkAttributes, checkTypes } from './attributes.ts'
import { error } from './errors.ts'
import type { OnnxGraph } from './graph.ts'
import { dropUnused } from './graph.ts'
import { kernels, supportedKernels } from './kernels/index.ts'
import { Translation } from './translation.ts'

/**
 * The ONNX graph of a forward pass, traced for inputs of one or several sizes: what differs between them stays open.
 * Errors: ARCHLOOM_ONNX_KERNEL_UNSUPPORTED, ARCHLOOM_ONNX_KERNEL_FORM, ARCHLOOM_ONNX_NOT_FINITE; SizeFixed where a size
 * cannot stay open.
 */
export function translate(traces: readonly Trace[]): OnnxGraph {
  const [first] = traces as [Trace]
  const translation = new Translation(traces)
  first.kernels.forEach((kernel, place) => {
    const translateKernel = Object.hasOwn(kernels, kernel.name) ? kernels[kernel.name] : undefined
    if (!translateKernel)
      throw error('ARCHLOOM_ONNX_KERNEL_UNSUPPORTED', { kernel: kernel.name, supported: supportedKernels })
    checkAttributes(kernel)
    checkTypes(kernel, (reference) => translation.tensor(reference).dtype)
    const probes = traces.map((trace) => trace.kernels[place] as TracedKernel)
    translateKernel({ ...kernel, probes }, translation)
  })
  translation.finish()
  const { graph } = translation.builder
  dropUnused(graph)
  return graph
}
