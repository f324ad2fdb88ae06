/**
 * Gradients of tfjs's kernels. The packages of tfjs-core for Node leave its gradient table out; this one covers what
 * networks here use, with dilated convolutions and depthToSpace, which tfjs cannot differentiate, and with averages,
 * mirrored borders and resized images, which it gets wrong.
 */
import * as tf from '@tensorflow/tfjs-core'
import { elementwise } from './elementwise.ts'
import { products } from './products.ts'
import { reductions } from './reductions.ts'
import { resizing } from './resize.ts'
import type { GradientTable } from './rule.ts'
import { shapes } from './shapes.ts'
import { windows } from './windows.ts'

export { spaceToDepth } from './shapes.ts'

const table: GradientTable = { ...elementwise, ...products, ...reductions, ...resizing, ...shapes, ...windows }

export const gradientNames: readonly string[] = Object.keys(table).sort()

/** Gradients are registered for the process, whatever its engine. An engine may replace them afterwards. */
export function installGradients(): void {
  for (const [kernelName, rule] of Object.entries(table)) tf.registerGradient({ kernelName, ...rule })
}

installGradients()
