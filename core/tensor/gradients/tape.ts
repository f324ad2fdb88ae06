import * as tf from '@tensorflow/tfjs-core'
import { releaseWhileDifferentiating, releasing, type TapeNode } from './release.ts'

/** The members of tfjs's engine that record operations; its types keep them private. */
interface Recorder {
  readonly state: { activeTape?: TapeNode[] }
  addTapeNode(
    kernel: string,
    inputs: Record<string, tf.Tensor | undefined>,
    outputs: tf.Tensor[],
    gradient: unknown,
    saved: tf.Tensor[],
    attributes: unknown,
  ): void
  saveTensorsForBackwardMode(tensors: readonly (tf.Tensor | undefined)[]): tf.Tensor[]
  clone(x: tf.Tensor): tf.Tensor
  keep<T extends tf.Tensor>(x: T): T
  mendedTape?: true
}

/**
 * Makes nested gradients exact. A gradient that needs its operation's output saves a copy of it, and tfjs records that
 * copy before the operation itself. It searches for the path from x to y in the order of the tape and so never finds
 * the copy. The gradient through the copy is missing in every second derivative (of tanh, exp, softmax ...), and there
 * is no error if another path exists. Here each operation is recorded before the copies of its outputs.
 *
 * A missing input (the scale of tf.batchNorm) is saved as a tensor of size 0 and left out of the record; tfjs would
 * fail.
 */
export function mendTape(): void {
  const recorder = tf.engine() as unknown as Recorder
  if (recorder.mendedTape) return
  recorder.mendedTape = true
  releaseWhileDifferentiating()
  const add = recorder.addTapeNode.bind(recorder)
  recorder.addTapeNode = (kernel, inputs, outputs, gradient, saved, attributes) => {
    add(kernel, presentIn(inputs), outputs, gradient, saved, attributes)
    const tape = recorder.state.activeTape as TapeNode[]
    const last = tape.length - 1
    releasing(tape[last] as TapeNode)
    let first = last
    for (let i = last - 1; i >= Math.max(0, last - saved.length); i--)
      if (Object.values((tape[i] as TapeNode).inputs).some((input) => outputs.includes(input))) first = i
    if (first < last) tape.splice(first, 0, tape.pop() as TapeNode)
  }
  recorder.saveTensorsForBackwardMode = (tensors) =>
    tensors.map((tensor) => recorder.keep(tensor ? recorder.clone(tensor) : tf.tensor([], [0])))
}

function presentIn(inputs: Record<string, tf.Tensor | undefined>): Record<string, tf.Tensor> {
  for (const input of Object.values(inputs))
    if (input == null)
      return Object.fromEntries(Object.entries(inputs).filter(([, each]) => each != null)) as Record<string, tf.Tensor>
  return inputs as Record<string, tf.Tensor>
}
