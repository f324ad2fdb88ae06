/** Differentiation of small vectors in plain arithmetic. */
export * from './attention.ts'
export * from './lstm.ts'
export * from './softmax.ts'
export {
  affine,
  concatenated,
  elementwise,
  type Parameter,
  parameter,
  result,
  row,
  sum,
  Tape,
  type Vector,
  zeroVector,
} from './tape.ts'
