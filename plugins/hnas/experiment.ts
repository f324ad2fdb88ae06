import { join } from 'node:path'
import { realClock } from '../../core/index.ts'
import {
  type Claim,
  claim,
  type Reproduction as Form,
  inWords,
  type ReproduceOptions,
} from '../../core/reproduction.ts'
import { useEngine } from '../../core/tensor/index.ts'
import { upscalingQuality } from '../../evaluators/metrics/index.ts'
import { writeComparison } from '../../evaluators/upscaling/index.ts'
import { bicubicUpsampling } from '../../search-spaces/super-resolution/index.ts'
import {
  type ArmName,
  type ArmResult,
  armNames,
  type Searched,
  searchArchitecture,
  trainArm,
} from './experiment/arms.ts'
import { monotone } from './experiment/forms.ts'
import { positionLandscape, tradeOffSweep } from './experiment/landscapes.ts'
import { scales } from './experiment/scales.ts'

export interface Reproduction extends Form {
  readonly paper: 'hnas'
  /** What each search found, by λ; and each network that was trained alone, by arm: one entry a seed. */
  readonly searches: readonly (Searched & { readonly tradeOff: number; readonly seed: number })[]
  readonly runs: Readonly<Record<ArmName, readonly Omit<ArmResult, 'picture'>[]>>
}

/** Published PSNR at ×2 on luma: HNAS-B (λ = 0.6) and HNAS-C (0.9); random, residual and RCAB cells. */
const PUBLISHED: Readonly<Record<string, number>> = { Set5: 37.92, BSD100: 32.08 }

/** Where comparisons are written; git does not look at it. */
const FOLDER = 'archloom-studies'

/**
 * λ sweeps (of the controller alone, and of whole searches), the searched network against random, residual and RCAB
 * ones of equal multiply-adds, and the hierarchical controller against the flat one.
 */
export async function reproduce(options: ReproduceOptions): Promise<Reproduction> {
  const { scale, seed, log, signal } = options
  const began = realClock.now()
  const environment = { ...process.env, ...(options.data !== undefined && { ARCHLOOM_DATA: options.data }) }
  const settings = scales[scale]
  const engine = await useEngine('auto')
  const pictures = await settings.pictures(environment)
  log(`engine ${engine.name}; ${pictures.name}`)
  for (const note of pictures.notes) log(`note: ${note}`)

  const sweep = tradeOffSweep(sweepOf, settings.sweep, seed)
  for (const [at, tradeOff] of sweepOf.entries())
    log(
      `E2 λ ${tradeOff}: mean cost ${inWords(sweep.map((row) => row[at] as number))} (formula, ${sweep.length} seeds)`,
    )
  signal.throwIfAborted()
  const onLandscape = (deep: boolean): readonly number[] => {
    const found = positionLandscape(deep, settings.position, seed)
    const correlations = inWords(found.map(({ correlation }) => correlation))
    const rewards = found.map(({ reward }) => reward)
    log(`E4 ${deep ? 'hierarchical' : 'flat'} ${inWords(rewards, 3)}; position and cell correlate ${correlations}`)
    return rewards
  }
  const [hierarchical, flat] = [onLandscape(true), onLandscape(false)]
  signal.throwIfAborted()

  const searches: (Searched & { tradeOff: number; seed: number })[] = []
  const runs: Record<ArmName, ArmResult[]> = { searched: [], random: [], residual: [], rcab: [] }
  for (let k = 0; k < settings.seeds; k++) {
    for (const tradeOff of settings.tradeOffs) {
      const directory = join(FOLDER, `hnas-paper-seed-${seed + k}-trade-off-${tradeOff}`)
      const kept = scale === 'paper' ? { directory } : {}
      const found = await searchArchitecture({
        settings: settings.arm,
        pictures,
        tradeOff,
        seed: seed + k,
        signal,
        ...kept,
      })
      searches.push({ ...found, tradeOff, seed: seed + k })
      log(
        `seed ${seed + k}, λ ${tradeOff}: ${millions(found.multiplyAdds)}, ${found.psnr.toFixed(3)} dB with shared weights; ${millions(found.drawn)} on average`,
      )
    }
    const searched = searches.find((each) => each.tradeOff === settings.compared && each.seed === seed + k) as Searched
    log(`seed ${seed + k}: ${searched.text}`)
    for (const arm of armNames) {
      const result = await trainArm(arm, { settings: settings.arm, pictures, seed: seed + k, signal }, searched)
      runs[arm].push(result)
      const tests = Object.entries(result.tests).map(([name, { psnr }]) => `${name} ${psnr.toFixed(3)}`)
      log(
        `seed ${seed + k}, ${arm}: ${millions(result.multiplyAdds)}, ${result.parameters} parameters; held-out ${result.validation.toFixed(3)}, ${tests.join(', ')} dB`,
      )
    }
  }

  const names = Object.keys(pictures.tests)
  const of = (arm: ArmName, name: string) => runs[arm].map(({ tests }) => tests[name]?.psnr as number)
  const claims: Claim[] = [
    monotone('E2 λ', 'mean cost under a formula of PSNR never falls as λ rises', sweep),
    monotone(
      'λ',
      'mean multiply-adds (10⁶, at 48×48) of the searches never fall as λ rises',
      Array.from({ length: settings.seeds }, (_, k) =>
        settings.tradeOffs.map(
          (tradeOff) =>
            (searches.find((each) => each.seed === seed + k && each.tradeOff === tradeOff) as Searched).drawn / 1e6,
        ),
      ),
    ),
    ...names.flatMap((name) =>
      armNames
        .filter((arm) => arm !== 'searched')
        .map((arm) =>
          claim(
            `${arm} ${name}`,
            `PSNR on ${name} ×2 (dB)`,
            PUBLISHED[name] ?? null,
            [arm, of(arm, name)],
            of('searched', name),
          ),
        ),
    ),
    claim('E4', 'reward where the best position depends on the cell', null, ['flat', flat], hierarchical),
  ]
  for (const name of names) {
    const bicubic = bicubicUpsampling({ factor: 2 })
    const start = await upscalingQuality((lr) => bicubic(lr, { training: false }), pictures.tests[name] ?? [])
    const arms = armNames.map((arm) => `${arm} ${inWords(of(arm, name), 3)}`)
    log(`${name}: shortcut alone ${start.psnr.toFixed(3)}, ${arms.join(', ')} dB`)
  }
  const [pair] = Object.values(pictures.tests)[0] ?? []
  const path = join(FOLDER, `hnas-${scale}.png`)
  if (pair) await writeComparison(path, pair, (runs.searched[0] as ArmResult).picture)
  log(`bicubic, ours, truth: ${path}`)

  const plain = (arm: ArmName) => runs[arm].map(({ picture: _, ...result }) => result)
  const perArm = {
    searched: plain('searched'),
    random: plain('random'),
    residual: plain('residual'),
    rcab: plain('rcab'),
  }
  return { paper: 'hnas', scale, seed, seconds: (realClock.now() - began) / 1000, claims, searches, runs: perArm }
}

/** λ of the controller alone. */
const sweepOf = [0.2, 0.4, 0.6, 0.8, 1]

const millions = (multiplyAdds: number) => `${(multiplyAdds / 1e6).toFixed(1)} M multiply-adds`
