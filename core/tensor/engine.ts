import * as tf from '@tensorflow/tfjs-core'
import { platform } from '#tensor-platform'
import { messageOf } from '../errors.ts'
import type { Availability, EngineDefinition } from './engine-definition.ts'
import { engine as cpu } from './engines/cpu.ts'
import { engine as wasm } from './engines/wasm.ts'
import { error } from './errors.ts'
import { type Installed, installFillIns } from './fill-ins/index.ts'
import { fusedKernels } from './fused.ts'
import { installGradients, refuseMissingGradients } from './gradients/index.ts'
import { refuseImpossibleShapes } from './possible-shapes.ts'
import { missingKernels } from './requirements.ts'
import { threadsWanted } from './threads.ts'

export type { Availability, EngineDefinition } from './engine-definition.ts'

export interface EngineReport {
  readonly name: string
  readonly describe: string
  readonly version: string
  readonly threads: number
  /** Kernels composed of others because the engine lacks them, or because its own are slow or wrong. */
  readonly fillIns: readonly Installed[]
  /** Kernels that training may need and that the engine lacks even with fill-ins. If empty, the engine can train. */
  readonly missingKernels: readonly string[]
}

const broken = (name: string, reason: string): EngineDefinition => ({
  name,
  describe: 'the engine of a plugin that cannot be loaded',
  priority: Number.MIN_SAFE_INTEGER,
  available: async () => ({ ok: false, reason, remedy: 'Reinstall the package, or choose another engine.' }),
  start: async () => {
    throw error('ARCHLOOM_ENGINE_UNAVAILABLE', { name, reason, remedy: 'Choose another engine.' })
  },
})

const isEngine = (value: unknown): value is EngineDefinition =>
  typeof value === 'object' && value !== null && 'name' in value && 'available' in value && 'start' in value

async function load({ name, load: open }: (typeof platform.engineModules)[number]): Promise<EngineDefinition> {
  try {
    const { engine } = (await open()) as { engine?: unknown }
    return isEngine(engine) ? engine : broken(name, 'its module exports no engine')
  } catch (thrown) {
    return broken(name, messageOf(thrown).split('\n')[0] as string)
  }
}

const added: EngineDefinition[] = []
let discovered: Promise<readonly EngineDefinition[]> | undefined

/** Registers your own engine, so that it can be chosen by name. Call it before `useEngine`. */
export function registerEngine(definition: EngineDefinition): void {
  added.push(definition)
}

/** Every engine known by name, best first. */
export async function engines(): Promise<readonly EngineDefinition[]> {
  discovered ??= Promise.all(platform.engineModules.map(load))
  return [...added, ...(await discovered), wasm, cpu].sort((a, b) => b.priority - a.priority)
}

export async function engineNamed(name: string): Promise<EngineDefinition> {
  const all = await engines()
  const found = all.find((engine) => engine.name === name)
  if (!found) throw error('ARCHLOOM_ENGINE_UNKNOWN', { name, known: all.map((engine) => engine.name) })
  return found
}

/** The result of `available`; a rejection counts as unavailable. */
export async function availabilityOf(definition: EngineDefinition): Promise<Availability> {
  try {
    return await definition.available()
  } catch (thrown) {
    return { ok: false, reason: messageOf(thrown), remedy: 'Reinstall its package, or choose another engine.' }
  }
}

let chosen: EngineReport | undefined
let choosing: Promise<EngineReport> | undefined

/**
 * Chooses what this process computes on: a name, or 'auto' for the available engine of highest priority. The choice is
 * made once per process: later calls with 'auto' or the same name return the first choice.
 * @throws ARCHLOOM_ENGINE_UNKNOWN, ARCHLOOM_ENGINE_UNAVAILABLE, ARCHLOOM_ENGINE_ALREADY_CHOSEN,
 * ARCHLOOM_ENGINE_THREADS
 */
export async function useEngine(name = 'auto'): Promise<EngineReport> {
  threadsWanted()
  if (name !== 'auto') await engineNamed(name)
  choosing ??= choose(name).catch((thrown: unknown) => {
    choosing = undefined
    throw thrown
  })
  const report = await choosing
  if (name !== 'auto' && name !== report.name)
    throw error('ARCHLOOM_ENGINE_ALREADY_CHOSEN', { name, chosen: report.name })
  return report
}

/** The engine of this process, if it has chosen one. */
export const chosenEngine = (): EngineReport | undefined => chosen

/** @throws ARCHLOOM_ENGINE_NOT_CHOSEN before `useEngine` has resolved. */
export function currentEngine(): EngineReport {
  if (!chosen) throw error('ARCHLOOM_ENGINE_NOT_CHOSEN', {})
  return chosen
}

async function choose(name: string): Promise<EngineReport> {
  if (name !== 'auto') {
    const definition = await engineNamed(name)
    const availability = await availabilityOf(definition)
    if (!availability.ok) throw error('ARCHLOOM_ENGINE_UNAVAILABLE', { name, ...availability })
    return start(definition, availability.version)
  }
  let last: unknown
  for (const definition of await engines()) {
    const availability = await availabilityOf(definition)
    if (!availability.ok) warnOf(definition, `${availability.reason}. ${availability.remedy}`)
    if (!availability.ok || availability.hardware === false) continue
    try {
      const report = await start(definition, availability.version)
      if (report.missingKernels.length === 0) return report
      last = error('ARCHLOOM_ENGINE_UNAVAILABLE', {
        name: definition.name,
        reason: `it cannot train, because it lacks the kernels ${report.missingKernels.join(', ')}`,
        remedy: 'Choose another engine.',
      })
    } catch (thrown) {
      last = thrown
      warnOf(definition, messageOf(thrown))
    }
  }
  throw last
}

/** Warns that 'auto' skips an engine of this package, because a search may then be ten times slower. */
function warnOf({ name, ships }: EngineDefinition, reason: string): void {
  if (ships) platform.warn(`the engine "${name}" is skipped: ${reason}`, 'ARCHLOOM_ENGINE_PASSED_OVER')
}

async function start(definition: EngineDefinition, version: string): Promise<EngineReport> {
  const { name, describe } = definition
  // Avoids the banner about other backends, and a warning for each replaced kernel.
  tf.enableProdMode()
  // Installed again, because another package may have registered other gradients. The engine may replace some of ours
  // afterwards.
  installGradients()
  // WebAssembly modules add listeners that rethrow every uncaught error and print their own source text before its stack.
  const restoreListeners = platform.rememberListeners()
  try {
    await definition.start()
    if (!(await tf.setBackend(name))) throw new Error(`tfjs could not start the backend ${name}`)
    await tf.ready()
  } catch (thrown) {
    throw error(
      'ARCHLOOM_ENGINE_UNAVAILABLE',
      { name, reason: messageOf(thrown).replace(/\.$/, ''), remedy: "Reinstall its package, or use 'auto'." },
      { cause: thrown },
    )
  } finally {
    restoreListeners()
  }
  refuseImpossibleShapes(tf.backend())
  const mended = (definition.mendedKernels ?? []).map((kernel): Installed => ({ kernel, why: 'wrong' }))
  const fillIns = [...mended, ...installFillIns(name, definition.slowKernels ?? [])]
  const kernels = tf.getKernelsForBackend(name).map(({ kernelName }) => kernelName)
  refuseMissingGradients(name, [...kernels, ...Object.values(fusedKernels)])
  chosen = { name, describe, version, threads: definition.threads ?? 1, fillIns, missingKernels: missingKernels(name) }
  return chosen
}
