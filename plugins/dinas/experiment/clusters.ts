import type { Random } from '../../../core/index.ts'

/** Points with classes, as plain numbers. */
export interface Points {
  /** [count, size], row-major. */
  readonly inputs: Float32Array
  readonly labels: Int32Array
  readonly count: number
  readonly size: number
}

export interface ClusterOptions {
  readonly classes: number
  readonly size: number
  /** Clusters of a class: more than one, so that no linear model will do. */
  readonly clusters: number
  /** Standard deviation of the centres in every coordinate. */
  readonly spread: number
  /** Standard deviation around a centre. */
  readonly noise: number
}

/** Classes of several Gaussian clusters each, at centres drawn once: a generator of train and test points alike. */
export function clusteredPoints({ classes, size, clusters, spread, noise }: ClusterOptions, rng: Random) {
  const centres = Float32Array.from({ length: classes * clusters * size }, () => spread * rng.normal())
  return (count: number, stream: Random): Points => {
    const inputs = new Float32Array(count * size)
    const labels = new Int32Array(count)
    for (let i = 0; i < count; i++) {
      const label = stream.int(classes)
      const centre = (label * clusters + stream.int(clusters)) * size
      labels[i] = label
      for (let j = 0; j < size; j++) inputs[i * size + j] = centres[centre + j]! + noise * stream.normal()
    }
    return { inputs, labels, count, size }
  }
}
