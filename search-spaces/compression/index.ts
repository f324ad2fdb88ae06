/** Spaces for compressing networks: bit-widths and filter groups (super-bit), and channels (prunable). */

export * from './prunable.ts'
export * from './super-bit.ts'
