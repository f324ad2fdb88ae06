/**
 * Gradients of the kernels of tfjs. The Node build of tfjs-core omits its gradient table. This one covers the kernels
 * that networks here use. It also covers dilated convolutions and depthToSpace, which tfjs cannot differentiate, and
 * average pooling, mirrored borders and resized images, whose gradients in tfjs are wrong.
 */
import * as tf from '@tensorflow/tfjs-core'
import { error } from '../errors.ts'
import { elementwise } from './elementwise.ts'
import { products } from './products.ts'
import { reductions } from './reductions.ts'
import { resizing } from './resize.ts'
import type { GradientTable } from './rule.ts'
import { shapes } from './shapes.ts'
import { mendTape } from './tape.ts'
import { windows } from './windows.ts'

export { spaceToDepth } from './shapes.ts'

const table: GradientTable = { ...elementwise, ...products, ...reductions, ...resizing, ...shapes, ...windows }

export const gradientNames: readonly string[] = Object.keys(table).sort()

/** Registers the gradients for the process. They apply to every engine; an engine may replace them afterwards. */
export function installGradients(): void {
  mendTape()
  for (const [kernelName, rule] of Object.entries(table)) tf.registerGradient({ kernelName, ...rule })
}

const refusals = new WeakSet<tf.GradFunc>()

/**
 * Registers, for every kernel of an engine without a gradient, a gradient that throws ARCHLOOM_GRADIENT_MISSING; tfjs
 * would throw an error without a code. It is thrown before any weight changes, and only for operations between the
 * weights and the loss.
 */
export function refuseMissingGradients(backendName: string, kernelNames: readonly string[]): void {
  for (const kernelName of kernelNames) {
    if (tf.getGradient(kernelName)) continue
    const gradFunc = () => {
      throw error('ARCHLOOM_GRADIENT_MISSING', { kernel: kernelName, engine: backendName })
    }
    refusals.add(gradFunc)
    tf.registerGradient({ kernelName, gradFunc })
  }
}

/** Whether an operation can be differentiated. */
export function hasGradient(kernelName: string): boolean {
  const gradient = tf.getGradient(kernelName)
  return gradient !== undefined && !refusals.has(gradient.gradFunc)
}

installGradients()
