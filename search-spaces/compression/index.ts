/** Networks that can be made smaller: bit-widths and filter groups (super-bit), channels (prunable). */
export { isNested } from './ladder.ts'
export * from './prunable.ts'
