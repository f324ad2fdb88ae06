import type { Decision, EventOf, ExportedPiece, Json, ResolvedObjective, SearchEvent } from '../../core/index.ts'
import {
  fileHeader,
  type HyperParameter,
  imageEvent,
  scalarEvent,
  sessionEnd,
  sessionStart,
  textEvent,
} from './event-file.ts'
import { readImage } from './images.ts'

type Metrics = Readonly<Record<string, number>>

/** TensorBoard finds event files by this part of their names. */
const fileOf = (at: number) => `events.out.tfevents.${Math.floor(at / 1000)}.archloom`

const parameterOf = (decision: Decision, value: number): HyperParameter => {
  if (decision.kind === 'real') return value
  const option = decision.options[value] ?? null
  return typeof option === 'object' ? JSON.stringify(option) : (option as HyperParameter)
}

/** The paths of PNG and JPEG files anywhere in the facts of an event. */
function imagesAmong(facts: Json): readonly string[] {
  if (typeof facts === 'string') return /\.(png|jpe?g)$/i.test(facts) ? [facts] : []
  return typeof facts === 'object' && facts !== null ? Object.values(facts).flatMap(imagesAmong) : []
}

/**
 * Turns the events of a study into pieces of event files: one run for the study, and one for each of the first `runs`
 * trials. Steps increase in every run: those of the study count the trials that have ended.
 */
export function eventPieces(runs: number): (event: SearchEvent) => Promise<readonly ExportedPiece[]> {
  let objectives: readonly ResolvedObjective[] = []
  let decisions: readonly Decision[] = []
  let begun = 0
  let ended = 0
  let failed = 0
  let best: number | undefined
  /** The last step of each tag of the study's own run. */
  const steps = new Map<string, number>()
  /** File and last step of the running trials. */
  const open = new Map<number, { readonly path: string; step: number }>()
  const study = (data: Uint8Array): ExportedPiece => ({ path: fileOf(begun), data })

  /** Writes at the given step, or at the next free one if that is taken. */
  const studyScalar = (tag: string, wanted: number, at: number, value: number) => {
    const step = Math.max(Math.round(wanted), (steps.get(tag) ?? -1) + 1)
    steps.set(tag, step)
    return study(scalarEvent({ at, step }, tag, value))
  }
  const scalars = (trial: number, at: number, wanted: number, metrics: Metrics): readonly ExportedPiece[] => {
    const run = open.get(trial)
    if (!run) return []
    run.step = Math.max(Math.round(wanted), run.step + 1)
    const { path, step } = run
    return Object.entries(metrics).map(([tag, value]) => ({ path, data: scalarEvent({ at, step }, tag, value) }))
  }
  const end = (trial: number, at: number, status: 'success' | 'failure'): readonly ExportedPiece[] => {
    const run = open.get(trial)
    open.delete(trial)
    return run ? [{ path: run.path, data: sessionEnd({ at, step: 0 }, status) }] : []
  }

  function proposed({ trial, genotype, architecture, at }: EventOf<'trial.proposed'>): readonly ExportedPiece[] {
    if (trial >= runs) return []
    const name = `trial-${String(trial).padStart(6, '0')}`
    const path = `${name}/${fileOf(at)}`
    open.set(trial, { path, step: -1 })
    const parameters = Object.fromEntries(
      decisions.map((decision, i) => [decision.name, parameterOf(decision, genotype[i]!)]),
    )
    const moment = { at, step: 0 }
    const text = `\`\`\`json\n${JSON.stringify(architecture ?? genotype, null, 2)}\n\`\`\``
    return [fileHeader(at), sessionStart(moment, name, parameters), textEvent(moment, 'architecture', text)].map(
      (data) => ({ path, data }),
    )
  }
  function completed({ trial, metrics, reward, feasible, at }: EventOf<'trial.completed'>): readonly ExportedPiece[] {
    const step = ended++
    const [first] = objectives
    const value = first && metrics[first.metric]
    const better = (a: number, b: number) => (first?.direction === 'maximise' ? a > b : a < b)
    if (feasible && value !== undefined && (best === undefined || better(value, best))) best = value
    return [
      ...Object.entries(metrics).map(([name, each]) => studyScalar(`trials/${name}`, step, at, each)),
      studyScalar('trials/reward', step, at, reward),
      ...(best === undefined ? [] : [studyScalar(`best/${first?.metric}`, step, at, best)]),
      ...scalars(trial, at, 0, metrics),
      ...end(trial, at, 'success'),
    ]
  }

  return async (event) => {
    switch (event.type) {
      case 'search.started':
        objectives = event.objectives
        decisions = event.space.decisions
        begun = event.at
        return [study(fileHeader(event.at))]
      case 'trial.proposed':
        return proposed(event)
      case 'trial.progress':
        return scalars(event.trial, event.at, event.step, event.metrics)
      case 'trial.paused':
        return scalars(event.trial, event.at, 0, event.metrics)
      case 'trial.completed':
        return completed(event)
      case 'trial.pruned':
        ended++
        return end(event.trial, event.at, 'success')
      case 'trial.failed': {
        failed++
        const step = ended++
        const { trial, at, message, stack } = event
        const run = open.get(trial)
        const text = `    ${(stack ?? message).replaceAll('\n', '\n    ')}`
        return [
          studyScalar('trials failed', step, at, failed),
          ...(run ? [{ path: run.path, data: textEvent({ at, step: 0 }, 'failure', text) }] : []),
          ...end(trial, at, 'failure'),
        ]
      }
      case 'weights.progress':
      case 'policy.progress': {
        const group = event.type === 'weights.progress' ? 'weights' : 'policy'
        return Object.entries(event.metrics).map(([name, value]) =>
          studyScalar(`${group}/${name}`, event.step, event.at, value),
        )
      }
      case 'plugin.event': {
        const pieces: ExportedPiece[] = []
        for (const path of imagesAmong(event.facts)) {
          const image = await readImage(path)
          const tag = `${event.plugin}/${event.name}`
          const step = (steps.get(tag) ?? -1) + 1
          if (!image) continue
          steps.set(tag, step)
          pieces.push(study(imageEvent({ at: event.at, step }, tag, image)))
        }
        return pieces
      }
      default:
        return []
    }
  }
}
