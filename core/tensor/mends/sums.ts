export interface Sums {
  readonly totals: Float64Array
  /** Shape without the axes that were summed over. */
  readonly shape: number[]
  /** Shape with those axes, of size 1. */
  readonly kept: number[]
}

/** Sums of row-major values over some axes, in double precision and in the order of the values. */
export function sumOver(x: ArrayLike<number>, shape: readonly number[], axes: readonly number[]): Sums {
  const kept = shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
  const totals = new Float64Array(kept.reduce((a, b) => a * b, 1))
  addUp(x, shape, kept, totals)
  return { totals, shape: shape.filter((_, axis) => !axes.includes(axis)), kept }
}

/** Adds every value to the total at its position in the kept shape. */
function addUp(x: ArrayLike<number>, shape: readonly number[], kept: readonly number[], totals: Float64Array): void {
  const rank = shape.length
  const steps = new Array<number>(rank).fill(0)
  for (let axis = rank - 1, step = 1; axis >= 0; axis--) {
    steps[axis] = kept[axis] === 1 ? 0 : step
    step *= kept[axis] as number
  }
  // The innermost axes that are all kept, or all summed, are handled as one.
  let run = 1
  let outer = rank
  const summed = rank > 0 && steps[rank - 1] === 0
  while (outer > 0 && (steps[outer - 1] === 0) === summed) run *= shape[--outer] as number
  const walk = (axis: number, from: number, to: number, size: number): void => {
    if (axis === outer) {
      if (summed || run === 1) {
        let sum = 0
        for (let i = from; i < from + run; i++) sum += x[i] as number
        totals[to] = totals[to]! + sum
      } else for (let i = 0; i < run; i++) totals[to + i] = totals[to + i]! + x[from + i]!
      return
    }
    const part = size / shape[axis]!
    for (let i = 0; i < shape[axis]!; i++) walk(axis + 1, from + i * part, to + i * steps[axis]!, part)
  }
  if (x.length > 0) walk(0, 0, 0, x.length)
}
