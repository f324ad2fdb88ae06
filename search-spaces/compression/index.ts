/** Networks that can be made smaller: bit-widths and filter groups (super-bit), channels (prunable). */

export * from './prunable.ts'
export * from './super-bit.ts'
