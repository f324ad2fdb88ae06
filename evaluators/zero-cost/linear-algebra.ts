/** Logarithm of |det| of a square matrix, row by row, by elimination with partial pivoting; −Infinity where it is singular. */
export function logDeterminant(matrix: Float64Array, size: number): number {
  const a = matrix.slice()
  let sum = 0
  for (let k = 0; k < size; k++) {
    let pivot = k
    for (let i = k + 1; i < size; i++) if (Math.abs(a[i * size + k]!) > Math.abs(a[pivot * size + k]!)) pivot = i
    const value = a[pivot * size + k]!
    if (value === 0) return Number.NEGATIVE_INFINITY
    sum += Math.log(Math.abs(value))
    if (pivot !== k)
      for (let j = k; j < size; j++) [a[k * size + j], a[pivot * size + j]] = [a[pivot * size + j]!, a[k * size + j]!]
    for (let i = k + 1; i < size; i++) {
      const factor = a[i * size + k]! / value
      if (factor !== 0) for (let j = k; j < size; j++) a[i * size + j]! -= factor * a[k * size + j]!
    }
  }
  return sum
}
