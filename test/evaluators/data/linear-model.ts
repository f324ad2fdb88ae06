import type { ImageSplit } from '../../../evaluators/data/index.ts'

/** Normalised pixels and a constant 1: [examples, features]. */
function featuresOf(split: ImageSplit): Float64Array[] {
  const { images, indices, normalisation } = split
  const bytes = images.height * images.width * images.channels
  return Array.from(indices, (index) => {
    const row = new Float64Array(bytes + 1).fill(1)
    for (let j = 0; j < bytes; j++) {
      const c = j % images.channels
      const pixel = images.pixels[index * bytes + j]! / 255
      row[j] = (pixel - normalisation.mean[c]!) / normalisation.std[c]!
    }
    return row
  })
}

/** A = L Lᵀ in place, then A x = b for every column b. */
function solve(a: Float64Array[], columns: Float64Array[]): void {
  const n = a.length
  const at = (i: number, j: number) => (a[i] as Float64Array)[j] as number
  for (let j = 0; j < n; j++)
    for (let i = j; i < n; i++) {
      const [left, right] = [a[i] as Float64Array, a[j] as Float64Array]
      let sum = left[j] as number
      for (let k = 0; k < j; k++) sum -= left[k]! * right[k]!
      left[j] = i === j ? Math.sqrt(sum) : sum / at(j, j)
    }
  for (const b of columns) {
    for (let i = 0; i < n; i++) {
      for (let k = 0; k < i; k++) b[i] = b[i]! - at(i, k) * b[k]!
      b[i] = b[i]! / at(i, i)
    }
    for (let i = n - 1; i >= 0; i--) {
      for (let k = i + 1; k < n; k++) b[i] = b[i]! - at(k, i) * b[k]!
      b[i] = b[i]! / at(i, i)
    }
  }
}

/** Test accuracy of the best linear classifier in the sense of least squares (ridge, one against all). */
export function linearAccuracy(train: ImageSplit, test: ImageSplit, ridge = 10): number {
  const rows = featuresOf(train)
  const labelOf = (split: ImageSplit, i: number) => split.images.labels[split.indices[i] as number] as number
  const n = (rows[0] as Float64Array).length
  const gram = Array.from({ length: n }, (_, i) => {
    const line = new Float64Array(n)
    line[i] = ridge
    return line
  })
  const weights = Array.from({ length: train.classes }, () => new Float64Array(n))
  for (const [e, row] of rows.entries()) {
    for (let i = 0; i < n; i++) {
      const line = gram[i] as Float64Array
      const value = row[i] as number
      for (let j = 0; j <= i; j++) line[j] = line[j]! + value * row[j]!
    }
    const own = weights[labelOf(train, e)] as Float64Array
    for (let i = 0; i < n; i++) own[i] = own[i]! + row[i]!
  }
  solve(gram, weights)
  const right = featuresOf(test).filter((row, e) => {
    const scores = weights.map((weight) => weight.reduce((sum, value, i) => sum + value * row[i]!, 0))
    return scores.indexOf(Math.max(...scores)) === labelOf(test, e)
  })
  return right.length / test.size
}
