import { describe, expect, it } from 'vitest'
import { clearGradients, movingAverage } from '../../../core/policy/index.ts'
import { seeded } from '../../../core/random.ts'
import { defineSpace, integer, oneOf, product, real } from '../../../core/space/index.ts'
import {
  activeRows,
  addDecay,
  cnasController,
  controllerLayout,
  type Grow,
  growingSpace,
  operationOrder,
  policyLearner,
  releasedOrder,
} from '../../../plugins/cnas/index.ts'
import { type CellOperationName, cellSpace, dartsOperations } from '../../../search-spaces/cell/index.ts'
import { chainSpace } from '../../../search-spaces/chain/index.ts'
import { nasBench201Space } from '../../../search-spaces/nas-bench-201/index.ts'

const grown = (grow: Grow, order?: readonly string[]) =>
  growingSpace(cellSpace(), { grow, ...(order && { order }) }, seeded(1))
const perCell = (size: bigint | undefined) => BigInt(Math.round(Math.sqrt(Number(size))))

/** One node and two operations: 16 cells, 256 architectures. */
const tiny = () =>
  growingSpace(
    cellSpace({ nodes: 1, operations: ['sep_conv_3x3', 'skip_connect'] as readonly CellOperationName[] }),
    { grow: 'none' },
    seeded(1),
  )
function* choicesOf({ process }: ReturnType<typeof tiny>): Generator<number[]> {
  const extend = function* (prefix: number[]): Generator<number[]> {
    if (prefix.length === process.decisions.length) yield prefix
    else for (const option of process.allowed(prefix) ?? []) yield* extend([...prefix, option])
  }
  yield* extend([])
}

describe('sizes of growing spaces', () => {
  it.each([
    [1, 14_400n],
    [2, 3_686_400n],
    [3, 94_478_400n],
    [4, 943_718_400n],
    [5, 5_625_000_000n],
    [6, 24_186_470_400n],
    [7, 83_013_134_400n],
    [8, 241_591_910_400n],
  ])('%i operations: %s architectures a cell', (k, size) => {
    const growing = grown('operations')
    expect(growing.stages).toBe(8)
    expect(growing.sizeOf(k - 1)).toBe(size * size)
    expect(growing.operationsIn(k - 1)).toHaveLength(k)
  })

  it('each operation multiplies a cell by ((k + 1) / k)⁸', () => {
    const growing = grown('operations')
    for (let k = 1; k < 8; k++)
      expect((growing.sizeOf(k) as bigint) * BigInt(k) ** 16n).toBe(
        (growing.sizeOf(k - 1) as bigint) * BigInt(k + 1) ** 16n,
      )
  })

  it('nodes: 8^(2n) · ((n + 1)!)² a cell', () => {
    const growing = grown('nodes')
    expect([0, 1, 2, 3].map((stage) => perCell(growing.sizeOf(stage)))).toEqual([
      256n,
      147_456n,
      150_994_944n,
      241_591_910_400n,
    ])
  })

  it('stages are nested, and the first operation has weights', () => {
    const growing = grown('operations')
    for (let stage = 1; stage < 8; stage++)
      expect(growing.operationsIn(stage).slice(0, stage)).toEqual(growing.operationsIn(stage - 1))
    for (let seed = 0; seed < 20; seed++) {
      const order = operationOrder(dartsOperations, seeded(seed))
      expect(order[0]).toBe('sep_conv_3x3')
      expect([...order].sort()).toEqual([...dartsOperations].sort())
    }
    expect(
      new Set(Array.from({ length: 20 }, (_, seed) => operationOrder(dartsOperations, seeded(seed)).join())).size,
    ).toBeGreaterThan(15)
    expect([...releasedOrder].sort()).toEqual([...dartsOperations].sort())
    expect(grown('operations', releasedOrder).operationsIn(3)).toEqual([
      ...['sep_conv_3x3', 'avg_pool_3x3', 'max_pool_3x3', 'skip_connect'],
    ])
  })

  it('draws numbers uniformly on their own scale', () => {
    const log = { scale: 'log' } as const
    const space = defineSpace(
      'numbers',
      product({ op: oneOf('nor_conv_3x3', 'none'), rate: real(1e-4, 1, log), width: integer(1, 1024, log) }),
    )
    const growing = growingSpace(space, { grow: 'none' }, seeded(1))
    const rng = seeded(2)
    const drawn = Array.from({ length: 2_000 }, () => space.decode(growing.toGenotype(growing.uniform(rng))))
    const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[1_000]!
    expect(Math.abs(Math.log10(median(drawn.map(({ rate }) => rate))) + 2)).toBeLessThan(0.1)
    expect(Math.abs(Math.log2(median(drawn.map(({ width }) => width))) - 5)).toBeLessThan(0.4)
  })

  it('other spaces grow by their operations too', () => {
    const growing = growingSpace(nasBench201Space(), { grow: 'operations' }, seeded(1))
    expect([0, 1, 2, 3, 4].map((stage) => growing.sizeOf(stage))).toEqual([1n, 64n, 729n, 4096n, 15_625n])
    expect(growing.order[0]).toBe('nor_conv_3x3')
    expect(() => growingSpace(nasBench201Space(), { grow: 'nodes' }, seeded(1))).toThrow('ARCHLOOM_CNAS_SPACE')
    expect(() => growingSpace(chainSpace(), { grow: 'operations' }, seeded(1))).toThrow('ARCHLOOM_CNAS_SPACE')
  })

  it('refuses curricula that the space cannot follow: ARCHLOOM_CNAS_CURRICULUM', () => {
    const refused = (options: { order?: readonly string[]; stages?: number; grow?: Grow }) =>
      expect(() => growingSpace(cellSpace(), { grow: 'operations', ...options }, seeded(1))).toThrow(
        'ARCHLOOM_CNAS_CURRICULUM',
      )
    refused({ order: [...dartsOperations, 'sep_conv_7x7'] })
    refused({ order: ['sep_conv_3x3', 'sep_conv_7x7'] })
    refused({ order: ['sep_conv_3x3', 'sep_conv_3x3'] })
    refused({ order: [] })
    refused({ stages: 9 })
    refused({ stages: 5, grow: 'nodes' })
    refused({ stages: 2, grow: 'none' })
  })
})

describe('controller', () => {
  it('has 167,688 parameters a cell: the operation head has one output an operation', () => {
    const { parameters } = cnasController(grown('operations'), seeded(1))
    const count = (cell: string) =>
      parameters.filter(({ name }) => name.startsWith(`${cell}/`)).reduce((sum, { value }) => sum + value.length, 0)
    expect([count('normal'), count('reduction')]).toEqual([167_688, 167_688])
    expect(parameters.reduce((sum, { value }) => sum + value.length, 0)).toBe(2 * 167_688)
    const shapes = parameters.filter(({ name }) => name.startsWith('normal/head')).map(({ shape }) => shape)
    expect(shapes).toContainEqual([8, 128])
    expect(parameters.every(({ value }) => value.every((x) => Math.abs(x) <= 0.1 && x !== 0))).toBe(true)
  })

  it('decides two inputs, then two operations, for each node', () => {
    const { process } = grown('operations')
    expect(process.decisions.slice(0, 8).map(({ name }) => name)).toEqual([
      ...['normal.0.left.input', 'normal.0.right.input', 'normal.0.left.op', 'normal.0.right.op'],
      ...['normal.1.left.input', 'normal.1.right.input', 'normal.1.left.op', 'normal.1.right.op'],
    ])
    expect(process.decisions).toHaveLength(32)
    const [first, , op] = controllerLayout(grown('operations'))
    expect(first).toMatchObject({ unit: 'normal', kind: 'attention', tokens: [0, 1] })
    expect(op).toMatchObject({ unit: 'normal', kind: 'linear', tokens: [5, 6, 7, 8, 9, 10, 11, 12] })
  })

  it('can choose all eight operations, unlike the released program', () => {
    const growing = grown('none')
    const policy = cnasController(growing, seeded(1))
    const seen = new Set<number>()
    for (let seed = 0; seed < 20; seed++) {
      const genotype = growing.toGenotype(policy.sample(seeded(seed)).genotype)
      for (let i = 1; i < 32; i += 2) seen.add(genotype[i]!)
    }
    expect(seen.size).toBe(8)
  })

  it.each([
    [1, 0],
    [2, 5.5452],
    [3, 8.7889],
    [4, 11.0904],
    [5, 12.8755],
    [6, 14.3341],
    [7, 15.5673],
    [8, 16.6355],
  ])('uniform over %i operations: maximum entropies, and log-probability −ln size', (k, operationEntropy) => {
    const growing = grown('operations')
    growing.enter(k - 1)
    const policy = cnasController(growing, seeded(1))
    for (const { value } of policy.parameters) value.fill(0)
    const draw = policy.sample(seeded(7))
    expect(draw.entropy / 2).toBeCloseTo(2 * Math.log(120) + operationEntropy, 4)
    expect(draw.logProbability / 2).toBeCloseTo(-Math.log(Number(perCell(growing.sizeOf(k - 1)))), 9)
    if (k === 8) expect(draw.logProbability / 2).toBeCloseTo(-26.21051581900278, 10)
    if (k === 1) expect(draw.entropy / 2).toBeCloseTo(9.574983485564092, 12)
  })

  it('with one operation its choice has probability 1 and entropy 0, exactly', () => {
    const growing = grown('operations')
    const { genotype } = cnasController(growing, seeded(1)).sample(seeded(2))
    const first = growing.operations.indexOf(growing.order[0] as string)
    expect(growing.toGenotype(genotype).filter((_, i) => i % 2 === 1)).toEqual(new Array(16).fill(first))
  })

  it('probabilities of all 256 architectures of a tiny space sum to 1, also with temperature and tanh', () => {
    for (const options of [{}, { temperature: 5, tanhConstant: 1.1, operationTanhReduction: 2.5 }]) {
      const growing = tiny()
      const policy = cnasController(growing, seeded(3), { hidden: 8, ...options })
      for (const { value } of policy.parameters) for (let i = 0; i < value.length; i++) value[i] = 9 * value[i]!
      const all = [...choicesOf(growing)]
      expect(all).toHaveLength(256)
      const probabilities = all.map((choices) => Math.exp(policy.score(choices).logProbability))
      expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 12)
      expect(Math.max(...probabilities)).toBeGreaterThan(1.2 / 256)
    }
  })

  it('tanh keeps logits within ±c, and c / reduce for operations', () => {
    const growing = tiny()
    const c = 0.2
    const policy = cnasController(growing, seeded(3), { hidden: 8, tanhConstant: c, operationTanhReduction: 2 })
    for (const { value } of policy.parameters) for (let i = 0; i < value.length; i++) value[i] = 100 * value[i]!
    // Two options whose logits differ by at most 2c: four inputs (two a cell) and four operations.
    const least = 4 * -Math.log(1 + Math.exp(2 * c)) + 4 * -Math.log(1 + Math.exp(c))
    for (const choices of choicesOf(growing))
      expect(policy.score(choices).logProbability).toBeGreaterThanOrEqual(least - 1e-12)
  })

  it('E[∇ log π] = 0 by enumeration', () => {
    const growing = tiny()
    const policy = cnasController(growing, seeded(3), { hidden: 6 })
    const expected = policy.parameters.map(({ value }) => new Float64Array(value.length))
    let largest = 0
    for (const choices of choicesOf(growing)) {
      const probability = Math.exp(policy.score(choices).logProbability)
      clearGradients(policy.parameters)
      policy.differentiate(choices, 1, 0)
      for (const [p, { gradient }] of policy.parameters.entries())
        for (let i = 0; i < gradient.length; i++) {
          ;(expected[p] as Float64Array)[i] = (expected[p]?.[i] as number) + probability * gradient[i]!
          largest = Math.max(largest, Math.abs(gradient[i]!))
        }
    }
    expect(largest).toBeGreaterThan(0.1)
    for (const sums of expected) for (const sum of sums) expect(Math.abs(sum)).toBeLessThan(1e-12)
  })

  it('uniform sampling is uniform over what the stage allows', () => {
    const growing = grown('operations')
    growing.enter(1)
    const rng = seeded(5)
    const counts = new Map<number, number>()
    const n = 4000
    for (let i = 0; i < n; i++) {
      const genotype = growing.toGenotype(growing.uniform(rng))
      // Last node of the normal cell: five states.
      const input = genotype[12] as number
      counts.set(input, (counts.get(input) ?? 0) + 1)
      expect(growing.operationsIn(1)).toContain(dartsOperations[genotype[13] as number])
    }
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - n / 5) ** 2 / (n / 5), 0)
    expect(counts.size).toBe(5)
    // 0.999 quantile with four degrees of freedom.
    expect(chiSquare).toBeLessThan(18.47)
  })

  it('E3 in a uniform warm-up of M steps an operation on an edge into state t is trained 2M / (t · k) times', () => {
    const growing = grown('operations')
    const [k, steps] = [3, 3000]
    growing.enter(k - 1)
    const rng = seeded(11)
    const counts = new Map<string, number>()
    for (let step = 0; step < steps; step++) {
      const genotype = growing.toGenotype(growing.uniform(rng))
      // The normal cell: for each node two inputs, each followed by its operation.
      for (let node = 0; node < 4; node++)
        for (const side of [0, 2]) {
          const key = `${node} ${genotype[4 * node + side]} ${genotype[4 * node + side + 1]}`
          counts.set(key, (counts.get(key) ?? 0) + 1)
        }
    }
    expect(counts.size).toBe(14 * k)
    let chiSquare = 0
    for (const [key, count] of counts) {
      const expected = (2 * steps) / ((Number(key[0]) + 2) * k)
      chiSquare += (count - expected) ** 2 / expected
    }
    // 14 · 3 cells in four nodes: 38 degrees of freedom; the 0.999 quantile.
    expect(chiSquare).toBeLessThan(70.7)
  })

  it('missing nodes are zeros, and genotypes come back as they went', () => {
    const growing = grown('nodes')
    growing.enter(1)
    const space = cellSpace()
    const choices = cnasController(growing, seeded(1), { hidden: 8 }).sample(seeded(4)).genotype
    const architecture = space.decode(growing.toGenotype(choices))
    expect(architecture.normal[2]).toEqual({ left: { input: 0, op: 'none' }, right: { input: 0, op: 'none' } })
    expect(growing.toChoices(growing.toGenotype(choices))).toEqual(choices)
    const every = grown('none')
    const genotype = space.random(seeded(9))
    expect(every.toGenotype(every.toChoices(genotype))).toEqual(genotype)
  })

  it('respects constraints of the space: inputs of a node stay different', () => {
    const growing = growingSpace(cellSpace({ distinctInputs: true }), { grow: 'operations' }, seeded(1))
    const policy = cnasController(growing, seeded(1), { hidden: 8 })
    for (let seed = 0; seed < 10; seed++) {
      const genotype = growing.toGenotype(policy.sample(seeded(seed)).genotype)
      for (let node = 0; node < 8; node++) expect(genotype[4 * node]).not.toBe(genotype[4 * node + 2])
    }
    expect(growing.sizeOf(0)).toBeUndefined()
  })
})

describe('policy steps', () => {
  it('A = γ · (R − b before), 0 at the very first update', () => {
    const growing = tiny()
    const learner = policyLearner(growing, seeded(1), { hidden: 4, baselineDecay: 0.9 })
    const rewards = [0.3, 0.5, 0.1, 0.4]
    let before: number | undefined
    for (const reward of rewards) {
      const { advantage } = learner.update(growing.uniform(seeded(1)), reward) as { advantage: number }
      expect(advantage).toBeCloseTo(before === undefined ? 0 : 0.9 * (reward - before), 14)
      before = learner.baseline
    }
    const reference = movingAverage(0.9)
    for (const reward of rewards) reference.advantage(reward)
    expect(learner.baseline).toBe(reference.value)
  })

  it('the first update, with advantage 0 and no entropy weight, is weight decay alone: Adam makes it full steps', () => {
    const growing = grown('operations')
    const learner = policyLearner(growing, seeded(1), { hidden: 4, entropyWeight: 0, learningRate: 1e-3 })
    const before = learner.policy.parameters.map(({ value }) => Float64Array.from(value))
    learner.update(growing.uniform(seeded(1)), 0.5)
    const lstm = learner.policy.parameters.findIndex(({ name }) => name === 'normal/lstm/input')
    const moved = (learner.policy.parameters[lstm]?.value[0] as number) - (before[lstm]?.[0] as number)
    expect(Math.abs(moved)).toBeCloseTo(1e-3, 5)
    expect(Math.sign(moved)).toBe(-Math.sign(before[lstm]?.[0] as number))
  })

  it('rows of operations that are not there yet stay bit-identical until their stage', () => {
    const growing = grown('operations')
    const learner = policyLearner(growing, seeded(1), { hidden: 4 })
    const layout = controllerLayout(growing)
    const headName = 'normal/head 1/weights'
    const names = learner.policy.parameters.map(({ name }) => name)
    expect(names).toContain(headName)
    const rowsOf = (name: string) => {
      const { value, shape } = learner.policy.parameters[names.indexOf(name)] as (typeof learner.policy.parameters)[0]
      const columns = shape[1] ?? 1
      return Array.from({ length: shape[0] as number }, (_, row) => [
        ...value.subarray(row * columns, (row + 1) * columns),
      ])
    }
    const active = activeRows(growing, layout).get(headName)
    const first = growing.operations.indexOf(growing.order[0] as string)
    expect([...(active ?? [])]).toEqual([first])
    const steps = (n: number) => {
      for (let i = 0; i < n; i++)
        learner.update(learner.policy.sample(seeded(i)).genotype, 0.1 + 0.8 * seeded(i).float())
    }
    const [head, embedding] = [rowsOf(headName), rowsOf('normal/embedding')]
    steps(30)
    for (const [row, values] of rowsOf(headName).entries())
      if (row !== first) expect(values).toEqual(head[row])
      else expect(values).not.toEqual(head[row])
    for (const [row, values] of rowsOf('normal/embedding').entries())
      if (row > 4 && row !== 5 + first) expect(values).toEqual(embedding[row])
    growing.enter(1)
    const second = growing.operations.indexOf(growing.order[1] as string)
    steps(30)
    expect(rowsOf(headName)[second]).not.toEqual(head[second])
  })

  it('decay joins the gradient in active rows only', () => {
    const parameter = {
      name: 'x/head 0/bias',
      shape: [3],
      value: Float64Array.of(1, 2, 3),
      gradient: new Float64Array(3),
    }
    addDecay([parameter], 0.1, new Map([['x/head 0/bias', new Set([0, 2])]]))
    expect([...parameter.gradient]).toEqual([0.1, 0, expect.closeTo(0.3, 12)])
  })

  it('learns to prefer what is rewarded, and goes on identically from a snapshot', () => {
    const growing = tiny()
    const make = () => policyLearner(growing, seeded(1), { hidden: 8, learningRate: 0.02, entropyWeight: 0 })
    const learner = make()
    // Rewarded: skip_connect at the right of the normal cell's node.
    const reward = (choices: readonly number[]) => (choices[3] === 1 ? 0.9 : 0.3)
    const steps = (of: typeof learner, from: number, to: number) => {
      for (let i = from; i < to; i++) {
        const { genotype } = of.policy.sample(seeded(i))
        of.update(genotype, reward(genotype))
      }
    }
    steps(learner, 0, 150)
    const other = make()
    other.restore(JSON.parse(JSON.stringify(learner.snapshot())))
    steps(learner, 150, 200)
    steps(other, 150, 200)
    expect(other.snapshot()).toEqual(learner.snapshot())
    const drawn = Array.from({ length: 100 }, (_, i) => learner.policy.sample(seeded(1000 + i)).genotype[3])
    expect(drawn.filter((op) => op === 1).length).toBeGreaterThan(70)
  })
})
