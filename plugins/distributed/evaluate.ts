import { ArchloomError, messageOf } from '../../core/errors.ts'
import type { Checkpoint, Evaluator, SearchSpace } from '../../core/index.ts'
import { type CheckpointPlace, readCheckpoint, refOf } from './checkpoints.ts'
import { error } from './errors.ts'
import { digest } from './keys.ts'
import type { WireNews, WireOutcome, WireTrial } from './wire.ts'

/** A trial that a worker evaluates now. */
export interface Running {
  readonly wire: WireTrial
  readonly abort: AbortController
  /** Called when the scheduler gives the trial up. */
  isGivenUp: boolean
}

export interface WireParts {
  readonly study: string
  readonly studyId: string
  readonly job: string
  readonly evaluator: Evaluator
  readonly space: SearchSpace
  readonly checkpoints: CheckpointPlace
  readonly tell: (news: WireNews) => void
}

/** Evaluates one rung of one trial in a worker; an error becomes its outcome. */
export async function evaluateWire(one: Running, parts: WireParts): Promise<WireOutcome> {
  const { wire, abort } = one
  const { trial, rung, genotype, fidelity, seed, mayContinue } = wire
  const { evaluator, space, study, studyId, tell } = parts
  const { signal } = abort
  try {
    signal.throwIfAborted()
    const valid = space.validate(genotype)
    if (!valid.ok) throw valid.error
    if (!evaluator.queues) tell({ trial, rung, began: true })
    const checkpoint = wire.checkpoint && (await checkpointOf(wire.checkpoint, parts.checkpoints))
    let saved: Uint8Array | undefined
    const { metrics, simulatedSeconds } = await evaluator.evaluate(
      { trial, rung, study, studyId, genotype, architecture: space.decode(genotype), seed, fidelity },
      {
        signal,
        started: () => tell({ trial, rung, began: true }),
        report: (step, reported) => {
          tell({ trial, rung, step, metrics: reported })
          // The search decides on its own machine; its answer to an earlier report may have arrived by now.
          return one.isGivenUp ? 'stop' : 'continue'
        },
        tell: (name, facts, plugin) => tell({ trial, rung, name, facts, ...(plugin !== undefined && { plugin }) }),
        ...(checkpoint && { checkpoint }),
        ...(mayContinue && {
          saveCheckpoint: (data: Uint8Array) => {
            saved = data
          },
        }),
      },
    )
    // An evaluator that is told to stop may end early and return metrics.
    if (signal.aborted) return { trial, rung, thrown: { message: messageOf(signal.reason) }, aborted: true }
    const left = saved && refOf(digest(parts.job, trial, rung, 'out'), saved)
    if (saved && left) await parts.checkpoints.write(left.name, saved)
    return {
      trial,
      rung,
      metrics,
      ...(simulatedSeconds !== undefined && { simulatedSeconds }),
      ...(left && { checkpoint: left }),
    }
  } catch (thrown) {
    const message = messageOf(thrown)
    return {
      trial,
      rung,
      thrown: ArchloomError.is(thrown) ? { message, code: thrown.code } : { message },
      ...(signal.aborted && { aborted: true as const }),
    }
  }
}

async function checkpointOf(ref: NonNullable<WireTrial['checkpoint']>, from: CheckpointPlace): Promise<Checkpoint> {
  const data = await readCheckpoint(from, ref)
  const message = `the checkpoint ${ref.name} is not there`
  if (!data) throw error('ARCHLOOM_DISTRIBUTED_CHECKPOINTS', { place: from.place, message })
  return { fidelity: ref.fidelity, data }
}
