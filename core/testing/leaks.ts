import * as tf from '@tensorflow/tfjs-core'
import { expect } from 'vitest'

/** Number of live tensors. Unlike tf.memory(), it does not start an engine. */
export const liveTensors = (): number => tf.engine().state.numTensors

/**
 * Awaits `run` and expects the same number of live tensors as before. Returns its result, which must not contain
 * tensors.
 */
export async function expectNoLeak<T>(run: () => T | Promise<T>): Promise<T> {
  const before = liveTensors()
  const result = await run()
  expect(liveTensors() - before, 'tensors left behind').toBe(0)
  return result
}
