import * as tf from '@tensorflow/tfjs-core'
import { expect } from 'vitest'

/** Tensors alive now; unlike tf.memory(), asks for no engine to be started. */
export const liveTensors = (): number => tf.engine().state.numTensors

/** Runs to the end and expects as many live tensors as before. Returns what the run returns (no tensors, please). */
export async function expectNoLeak<T>(run: () => T | Promise<T>): Promise<T> {
  const before = liveTensors()
  const result = await run()
  expect(liveTensors() - before, 'tensors left behind').toBe(0)
  return result
}
