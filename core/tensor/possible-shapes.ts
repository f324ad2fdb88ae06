import * as tf from '@tensorflow/tfjs-core'
import { error } from './errors.ts'

/**
 * Refuses the shape of a tensor that cannot exist. Operations of tfjs compute such shapes without a word, for example
 * where a pooling window is larger than its image.
 * Errors: ARCHLOOM_TENSOR_SHAPE.
 */
export function checkPossible(shape: readonly number[]): void {
  for (const size of shape)
    if (!(Number.isSafeInteger(size) && size >= 0)) throw error('ARCHLOOM_TENSOR_SHAPE', { shape })
}

type Method = (...args: unknown[]) => unknown

/** The functions by which backends make tensors, with the position of the shape among their arguments. */
const makers: readonly (readonly [string, number])[] = [
  ['makeTensorInfo', 0],
  ['move', 2],
  ['write', 1],
]

/**
 * Makes a backend refuse tensors that cannot exist before it reserves memory for them: the WebAssembly kernels would
 * write past the end of that memory.
 */
export function refuseImpossibleShapes(backend: object): void {
  const methods = backend as Record<string, Method>
  for (const [name, at] of makers) {
    const own = methods[name]
    if (typeof own !== 'function') continue
    methods[name] = (...args) => {
      checkPossible(args[at] as readonly number[])
      return own.apply(backend, args)
    }
  }
}

interface WasmBackend {
  move(dataId: object, values: unknown, shape: number[], dtype: tf.DataType, references: number): void
  readonly wasm: { _malloc(bytes: number): number; _free(at: number): void }
}

/** Smaller requests are not tried first: they fail only where larger ones have failed before. */
const triedFirst = 65_536

/**
 * Makes the WebAssembly backend refuse a tensor that does not fit into its memory of at most 4 GiB. Without this check,
 * a failed allocation returns the address 0, and the tensor would overwrite the data of the kernels.
 * Errors: ARCHLOOM_ENGINE_MEMORY.
 */
export function refuseFullMemory({ prototype }: { readonly prototype: object }): void {
  const backend = prototype as WasmBackend
  const { move } = backend
  backend.move = function (this: WasmBackend, dataId, values, shape, dtype, references) {
    if (dtype !== 'string') {
      const bytes = tf.util.sizeFromShape(shape) * tf.util.bytesPerElement(dtype)
      if (bytes >= triedFirst) {
        const at = bytes < 2 ** 32 ? this.wasm._malloc(bytes) : 0
        if (at === 0) throw error('ARCHLOOM_ENGINE_MEMORY', { bytes, shape })
        this.wasm._free(at)
      }
    }
    move.call(this, dataId, values, shape, dtype, references)
  }
}
