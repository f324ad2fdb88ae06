import { elementwise } from './elementwise.ts'
import type { KernelTable } from './kernel.ts'
import { products } from './products.ts'
import { shapes } from './shapes.ts'
import { windows } from './windows.ts'

/** Every kernel that has a translation. */
export const kernels: KernelTable = { ...windows, ...elementwise, ...shapes, ...products }
export const supportedKernels: readonly string[] = Object.keys(kernels).sort()
