import { type Claim, type Measured, measured } from '../../core/reproduction.ts'

export type Arm =
  | 'full precision'
  | 'uniform 4 bits'
  | 'uniform 2 bits'
  | 'random bits'
  | 'two-stage'
  | 'multi-path'
  | 'ABS-Q'
  | 'ABS-P'
  | 'ABS'

/** The result of one method with one seed. */
export interface Row {
  readonly arm: Arm
  readonly seed: number
  readonly accuracy: number
  readonly validation: number
  /** Share of full-precision BOPs. */
  readonly share: number
  readonly bops: number
  /** The target share of the searches. */
  readonly target: number
  /** Seconds of processor time. */
  readonly searchSeconds?: number
  readonly liveBytes?: number
}

export interface Sweep {
  readonly lambda: number
  readonly weights: number
  readonly activations: number
  readonly share: number
}

const of = (rows: readonly Row[], arm: Arm, value: (row: Row) => number | undefined): Measured =>
  measured(rows.filter((row) => row.arm === arm).map((row) => value(row) ?? Number.NaN))

/** Published figures: CIFAR-100, ResNet-20, unless the name says ResNet-56. */
export function claimsOf(rows: readonly Row[], sweep: readonly Sweep[]): Claim[] {
  const accuracy = (arm: Arm) => of(rows, arm, (row) => row.accuracy)
  const against = (
    ours: Arm,
    name: Arm,
    id: string,
    published: number,
    slack: (baseline: Measured) => number,
  ): Claim => {
    const [own, baseline] = [accuracy(ours), accuracy(name)]
    return {
      id,
      metric: `test accuracy of ${ours}`,
      direction: 'maximise',
      published,
      baseline: { name, ...baseline },
      ours: own,
      holds: own.mean >= baseline.mean - slack(baseline),
    }
  }
  const ratio = (
    id: string,
    metric: string,
    published: number,
    least: number,
    value: (row: Row) => number | undefined,
  ) => {
    const [paths, own] = [of(rows, 'multi-path', value), of(rows, 'ABS-Q', value)]
    return {
      id,
      metric,
      direction: 'maximise' as const,
      published,
      baseline: { name: 'ABS-Q', mean: 1, seeds: own.seeds },
      ours: { mean: paths.mean / own.mean, seeds: own.seeds },
      holds: paths.mean / own.mean >= least,
    }
  }
  const searched: readonly Arm[] = ['two-stage', 'multi-path', 'ABS-Q', 'ABS']
  const used = rows.filter(({ arm }) => searched.includes(arm)).map(({ share, target }) => share / target)
  const bits = sweep.map(({ weights, activations }) => (weights + activations) / 2)
  return [
    against('ABS-Q', 'random bits', 'A5 searched against random bits, same target', 0.681, () => 0),
    against('ABS', 'two-stage', 'A3 joint against two stages, same target (ResNet-56)', 0.708, ({ sd = 0 }) => sd),
    against('ABS-Q', 'multi-path', 'A2 one path against many, same target', 0.681, () => 0.005),
    against('ABS-Q', 'uniform 4 bits', 'searched bits against uniform 4 bits, fewer BOPs', 0.681, ({ sd = 0 }) => sd),
    against('ABS', 'uniform 2 bits', 'ABS against uniform 2 bits, more BOPs', 0.681, () => 0),
    ratio('A2 search time', 'seconds, many paths over one', 3.5, 2.5, (row) => row.searchSeconds),
    ratio('A2 memory', 'live bytes of a step, many paths over one', 2.9, 2, (row) => row.liveBytes),
    {
      id: 'A1 bits fall with λ',
      metric: `mean bits at λ = ${sweep.at(-1)?.lambda}`,
      direction: 'minimise',
      published: null,
      baseline: { name: 'λ = 0', mean: bits[0] ?? Number.NaN, seeds: 1 },
      ours: { mean: bits.at(-1) ?? Number.NaN, seeds: 1 },
      holds: bits.every((each, i) => i === 0 || each <= bits[i - 1]!),
    },
    {
      id: 'λ calibration',
      metric: 'BOPs over target, largest',
      direction: 'minimise',
      published: null,
      baseline: { name: 'target', mean: 1, seeds: used.length },
      ours: { mean: Math.max(...used), seeds: used.length },
      holds: used.every((each) => each <= 1 + 1e-9),
    },
  ]
}
