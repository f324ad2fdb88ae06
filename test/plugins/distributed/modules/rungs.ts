/** Trials that count on: a later rung must find what the one before has saved, in whatever process. */
import { defineSpace, type EvaluatorFunction, integer, product } from 'archloom'

export const space = defineSpace('counters', product({ x: integer(0, 100) }))

export const evaluator: EvaluatorFunction<{ readonly x: number }> = ({ x }, { fidelity, rung = 0 }, context) => {
  const target = Math.round(8 * fidelity)
  const { checkpoint } = context
  let [steps, pids] = [0, [] as number[]]
  if (checkpoint) ({ steps, pids } = JSON.parse(Buffer.from(checkpoint.data).toString()))
  if (rung > 0 !== (checkpoint !== undefined))
    throw new Error(`rung ${rung} ${checkpoint ? 'with' : 'without'} a checkpoint`)
  const done = target - steps
  pids = [...pids, process.pid]
  context.saveCheckpoint?.(Buffer.from(JSON.stringify({ steps: target, pids })))
  return { value: x * target, steps: target, done, processes: new Set(pids).size }
}
