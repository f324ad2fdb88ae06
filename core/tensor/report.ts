import { platform } from '#tensor-platform'
import { ArchloomError, messageOf } from '../errors.ts'
import { optionNames } from '../options/index.ts'
import { availabilityOf, chosenEngine, engines } from './engine.ts'
import { type Probe, probe } from './probe.ts'
import { threadsWanted } from './threads.ts'

/** An engine that is known, and whether it runs here. */
export interface EngineListing {
  readonly name: string
  readonly describe: string
  readonly priority: number
  readonly available: boolean
  readonly version?: string
  /** False for a substitute such as a software GPU: it can be chosen by name, but 'auto' skips it. */
  readonly hardware?: boolean
  readonly reason?: string
  /** What to install or change to use it. */
  readonly remedy?: string
}

export interface EngineDiagnosis extends EngineListing {
  /** Capabilities and speed, measured in a process of its own. */
  readonly probe?: Probe
  readonly probeFailure?: string
}

export interface DoctorReport {
  readonly machine: {
    readonly platform: string
    readonly cpu: string
    readonly cores: number
    readonly memoryGiB: number
    readonly node: string
  }
  /** The engine of this process, if it has chosen one. */
  readonly chosen?: string
  /** The engine that 'auto' chooses here: the best available one that can train. */
  readonly auto?: string
  readonly engines: readonly EngineDiagnosis[]
  /** What to do for more speed. */
  readonly advice: readonly string[]
}

/** Every known engine, best first. Starts none of them. */
export async function listEngines(): Promise<readonly EngineListing[]> {
  return Promise.all(
    (await engines()).map(async (definition) => {
      const { name, describe, priority } = definition
      const { ok: available, ...rest } = await availabilityOf(definition)
      return { name, describe, priority, available, ...rest }
    }),
  )
}

const doctorReportNames = optionNames<{ onEngine?: (name: string) => void }>('doctorReport', { onEngine: true })

/**
 * Measures the capabilities and speed of all engines, one after the other. Each takes about two seconds.
 * @throws ARCHLOOM_ENGINE_THREADS
 */
export async function doctorReport(options: { onEngine?: (name: string) => void } = {}): Promise<DoctorReport> {
  doctorReportNames(options)
  threadsWanted()
  const diagnoses: EngineDiagnosis[] = []
  for (const listing of await listEngines()) {
    if (listing.available) options.onEngine?.(listing.name)
    diagnoses.push(listing.available ? await diagnose(listing) : listing)
  }
  const auto = diagnoses.find(
    ({ probe: found, hardware }) => found && found.missingKernels.length === 0 && hardware !== false,
  )
  const chosen = chosenEngine()?.name
  return {
    machine: platform.machine,
    ...(chosen ? { chosen } : {}),
    ...(auto ? { auto: auto.name } : {}),
    engines: diagnoses,
    advice: adviceOn(diagnoses, auto),
  }
}

async function diagnose(listing: EngineListing): Promise<EngineDiagnosis> {
  try {
    return { ...listing, probe: await probe(listing.name) }
  } catch (thrown) {
    const reason = ArchloomError.is(thrown) ? String(thrown.details.reason) : messageOf(thrown)
    return { ...listing, probeFailure: reason }
  }
}

/** Smaller ratios are not significant on a busy machine. */
const clearlyFaster = 1.25

function adviceOn(diagnoses: readonly EngineDiagnosis[], auto: EngineDiagnosis | undefined): string[] {
  const better = diagnoses.filter(({ available, priority }) => !available && priority > (auto?.priority ?? -1))
  const broken = diagnoses.filter(({ probeFailure }) => probeFailure !== undefined)
  const own = auto?.probe?.speed.trainingGflops ?? 0
  const faster = diagnoses.flatMap(({ name, probe: found }) => {
    const times = (found?.missingKernels.length === 0 ? found.speed.trainingGflops : 0) / own
    return auto && times > clearlyFaster
      ? [
          `${name} trains ${times.toFixed(1)} times as fast as ${auto.name} here: choose it by name, as in useEngine('${name}')`,
        ]
      : []
  })
  return [
    ...faster,
    ...better.map(({ name, remedy }) => `${name}: ${remedy}`),
    ...broken.map(({ name, probeFailure }) => `${name} is installed but failed: ${probeFailure}`),
  ]
}
