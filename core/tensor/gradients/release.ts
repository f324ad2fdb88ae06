import * as tf from '@tensorflow/tfjs-core'

export interface TapeNode {
  readonly inputs: Record<string, tf.Tensor>
  readonly outputs: readonly tf.Tensor[]
  readonly saved?: readonly tf.Tensor[]
  gradient?: (dys: readonly (tf.Tensor | null)[]) => Record<string, () => tf.Tensor>
}

/** The members of tfjs's engine that compute gradients; its types keep them private. */
interface Differentiator {
  readonly state: { readonly gradientDepth: number }
  gradients(f: () => tf.Tensor, xs: tf.Tensor[], dy?: tf.Tensor, allowNone?: boolean): unknown
  nextTensorId(): number
  clone(x: tf.Tensor): tf.Tensor
}

/** One backward pass that is under way. */
interface Pass {
  /** Tensors whose gradients the caller receives. */
  readonly asked: ReadonlySet<number>
  /** The gradient of the result, if the caller gave it. */
  readonly given: tf.Tensor | undefined
  /** Tensors that have received a gradient. */
  readonly reached: Set<number>
  /** What nobody reads once the current operation has been differentiated. */
  readonly spent: tf.Tensor[]
}

let pass: Pass | undefined

/**
 * Disposes what a backward pass no longer needs, operation by operation: the tensors that an operation saved, the
 * gradient of its outputs, and gradients that were added to others. tfjs keeps all of them until the pass ends, so that
 * activations and their gradients are in memory together. Nested gradients are left alone, because the outer pass reads
 * what the inner one saved.
 */
export function releaseWhileDifferentiating(): void {
  const engine = tf.engine() as unknown as Differentiator
  const gradients = engine.gradients.bind(engine)
  engine.gradients = (f, xs, dy, allowNone) => {
    const outer = pass
    pass = { asked: new Set(xs.map(({ id }) => id)), given: dy, reached: new Set(), spent: [] }
    try {
      return gradients(f, xs, dy, allowNone)
    } finally {
      pass = outer
    }
  }
}

/** Makes the gradient of a recorded operation dispose what the operations after it have left. */
export function releasing(node: TapeNode): void {
  const { gradient } = node
  if (!gradient) return
  const engine = tf.engine() as unknown as Differentiator
  node.gradient = (dys) => {
    if (!pass || engine.state.gradientDepth > 0) return gradient(dys)
    const { asked, given, reached, spent } = pass
    for (const tensor of spent.splice(0)) tensor.dispose()
    spent.push(...(node.saved ?? []))
    node.outputs.forEach((output, i) => {
      const dy = dys[i]
      if (dy && dy !== given && !asked.has(output.id)) spent.push(dy)
    })
    const first = engine.nextTensorId()
    const returned = new Set<tf.Tensor>()
    const own = (dx: tf.Tensor): tf.Tensor => {
      // A gradient that this operation did not make, or returns twice, belongs to somebody else, too.
      const made = dx.id > first && !returned.has(dx) && !dx.kept ? dx : engine.clone(dx)
      returned.add(made)
      return made
    }
    return Object.fromEntries(
      Object.entries(gradient(dys)).map(([name, compute]) => [
        name,
        () => {
          const dx = own(compute())
          const { id } = node.inputs[name]!
          // tfjs adds it to the gradient that is there already.
          if (reached.has(id)) spent.push(dx)
          reached.add(id)
          return dx
        },
      ]),
    )
  }
}
