/** Symmetric positive definite systems in doubles. */

/** A = L Lᵀ in place (lower triangle), A [n, n] row-major. Returns false if A is not positive definite. */
export function cholesky(a: Float64Array, n: number): boolean {
  for (let i = 0; i < n; i++) {
    const row = i * n
    for (let j = 0; j <= i; j++) {
      const other = j * n
      let sum = a[row + j] as number
      for (let k = 0; k < j; k++) sum -= a[row + k]! * a[other + k]!
      if (i === j) {
        if (!(sum > 0)) return false
        a[row + i] = Math.sqrt(sum)
      } else a[row + j] = sum / a[other + j]!
    }
  }
  return true
}

/** Solves L Lᵀ X = B in place, for L from `cholesky` and B [n, columns]. */
export function solveCholesky(l: Float64Array, n: number, b: Float64Array, columns: number): void {
  const subtract = (to: number, factor: number, from: number) => {
    for (let c = 0; c < columns; c++) b[to + c] = b[to + c]! - factor * b[from + c]!
  }
  const divide = (at: number, by: number) => {
    for (let c = 0; c < columns; c++) b[at + c] = b[at + c]! / by
  }
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) subtract(i * columns, l[i * n + k] as number, k * columns)
    divide(i * columns, l[i * n + i] as number)
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) subtract(i * columns, l[k * n + i] as number, k * columns)
    divide(i * columns, l[i * n + i] as number)
  }
}

/**
 * The V [kept, columns] that minimises ‖X_K V − X W‖² + ridge · ‖V − W_K‖², from G = XᵀX [n, n] alone: the kept inputs
 * shall give the same outputs as all inputs. The ridge pulls towards the old weights, so that the result is W itself
 * if everything is kept, even if X has few rows. It is a share of the mean of G's diagonal.
 */
export function reconstruct(
  gram: Float64Array,
  n: number,
  w: Float64Array,
  columns: number,
  kept: readonly number[],
  ridge: number,
): Float64Array {
  const size = kept.length
  let trace = 0
  for (let i = 0; i < n; i++) trace += gram[i * n + i] as number
  const answer = new Float64Array(size * columns)
  kept.forEach((row, i) => {
    answer.set(w.subarray(row * columns, (row + 1) * columns), i * columns)
  })
  // These inputs were always 0, so their weights cannot be determined.
  if (!(trace > 0)) return answer
  for (let weight = (ridge * trace) / n; ; weight *= 10) {
    const a = new Float64Array(size * size)
    const b = new Float64Array(size * columns)
    kept.forEach((row, i) => {
      kept.forEach((column, j) => {
        a[i * size + j] = gram[row * n + column]! + (i === j ? weight : 0)
      })
      for (let k = 0; k < n; k++) {
        const g = gram[row * n + k] as number
        if (g === 0) continue
        for (let c = 0; c < columns; c++) b[i * columns + c] = b[i * columns + c]! + g * w[k * columns + c]!
      }
      for (let c = 0; c < columns; c++) b[i * columns + c] = b[i * columns + c]! + weight * answer[i * columns + c]!
    })
    if (!cholesky(a, size)) continue
    solveCholesky(a, size, b, columns)
    return b
  }
}

/**
 * Computes the result of `reconstruct` from X [rows, n] itself, for inputs with more values than rows. V = W_K + X_Kᵀ
 * (X_K X_Kᵀ + ridge)⁻¹ (X W − X_K W_K) is the same minimum (by the push-through identity) with a system of `rows`
 * unknowns.
 */
export function reconstructFromRows(
  x: Float32Array,
  rows: number,
  n: number,
  w: Float64Array,
  columns: number,
  kept: readonly number[],
  ridge: number,
): Float64Array {
  const answer = new Float64Array(kept.length * columns)
  const gone = new Uint8Array(n).fill(1)
  kept.forEach((place, i) => {
    gone[place] = 0
    answer.set(w.subarray(place * columns, (place + 1) * columns), i * columns)
  })
  let trace = 0
  for (let i = 0; i < rows * n; i++) trace += x[i]! * x[i]!
  if (!(trace > 0)) return answer
  // The kept inputs, and the contribution of the others that is lost.
  const size = kept.length
  const own = new Float64Array(rows * size)
  const lost = new Float64Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < size; i++) own[row * size + i] = x[row * n + kept[i]!]!
    for (let place = 0; place < n; place++) {
      const value = gone[place] ? x[row * n + place]! : 0
      if (value !== 0) addMultiple(lost, row * columns, w, place * columns, value, columns)
    }
  }
  const products = new Float64Array(rows * rows)
  for (let a = 0; a < rows; a++)
    for (let b = 0; b <= a; b++) {
      let sum = 0
      for (let i = 0, left = a * size, right = b * size; i < size; i++) sum += own[left + i]! * own[right + i]!
      products[a * rows + b] = sum
      products[b * rows + a] = sum
    }
  for (let weight = (ridge * trace) / n; ; weight *= 10) {
    const system = Float64Array.from(products)
    for (let row = 0; row < rows; row++) system[row * rows + row] = system[row * rows + row]! + weight
    if (!cholesky(system, rows)) continue
    solveCholesky(system, rows, lost, columns)
    break
  }
  for (let row = 0; row < rows; row++)
    for (let i = 0; i < size; i++) {
      const value = own[row * size + i]!
      if (value !== 0) addMultiple(answer, i * columns, lost, row * columns, value, columns)
    }
  return answer
}

/** to[…] += factor · from[…], `count` numbers. */
function addMultiple(
  to: Float64Array,
  at: number,
  from: Float64Array,
  start: number,
  factor: number,
  count: number,
): void {
  for (let c = 0; c < count; c++) to[at + c] = to[at + c]! + factor * from[start + c]!
}
