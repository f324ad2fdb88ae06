import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../core/random.ts'
import type { SearchSpace } from '../../core/space/index.ts'
import {
  countTensors,
  type ScopedNetwork,
  softmaxCrossEntropy,
  trainStep,
  useEngine,
  variableScope,
} from '../../core/tensor/index.ts'
import type { Network, SavedWeight, Supernet } from '../../core/trainer.ts'
import {
  type CellArchitecture,
  cellNetwork,
  cellSpace,
  deriveCells,
  edgeIndex,
  fixedBody,
  planCells,
} from '../../search-spaces/cell/index.ts'
import { type ChainArchitecture, chainOf, chainSpace } from '../../search-spaces/chain/index.ts'
import {
  fixedNasBench201Body,
  type NasBench201Architecture,
  nasBench201Network,
  nasBench201Space,
  planNasBench201,
} from '../../search-spaces/nas-bench-201/index.ts'
import type { NetworkSpace } from '../../search-spaces/network-space.ts'
import { buildBlockChain } from '../../search-spaces/operations/index.ts'

beforeAll(async () => {
  await useEngine('wasm')
})

const input = [8, 8, 3] as const
const classes = 3
const images = () => tf.randomUniform([4, ...input], -1, 1, 'float32', 7)
const labels = () => tf.tensor1d([0, 1, 2, 1], 'int32')

const cells = cellSpace({ nodes: 2, channels: 4, cells: 3 })
const bench = nasBench201Space({ channels: 4, cells: 1 })
const chain = chainSpace({
  expansions: [1, 2],
  stages: [
    { widths: [4, 6], depth: { min: 1, max: 2 }, stride: 1 },
    { widths: [6, 8], depth: { min: 2, max: 3 } },
  ],
  stem: 4,
  head: 8,
})
const headless = chainSpace({ stages: [{ widths: [4, 6], depth: { min: 1, max: 2 } }], stem: 4, head: 0 })

interface Case {
  readonly space: NetworkSpace<unknown>
  /** A stand-alone network with the layers of a path. */
  readonly alone: (architecture: unknown) => ScopedNetwork
  /** Where the weights of a path's variable stand in the supernet, by its stand-alone name. */
  readonly source: (name: string, architecture: unknown) => string
}

const side = (name: string) => name.split('/').slice(3).join('/')
const chainCase = (space: typeof chain): Case => ({
  space: space as NetworkSpace<unknown>,
  alone: (architecture) =>
    buildBlockChain(chainOf(architecture as ChainArchitecture, space.options, input, classes), seeded(99)),
  source: (name, architecture) => {
    const { blocks, head } = chainOf(architecture as ChainArchitecture, space.options, input, classes)
    const [first, ...rest] = name.split('/') as [string, ...string[]]
    const block = blocks.find((each) => each.name === first)
    if (block) return [first, `${block.operation.name}_${block.channelsIn}_${block.channelsOut}`, ...rest].join('/')
    const end = first === 'head' || (first === 'classifier' && head === 0)
    return end ? [first, blocks.at(-1)?.channelsOut, ...rest].join('/') : name
  },
})
const cases: readonly Case[] = [
  {
    space: cells as NetworkSpace<unknown>,
    alone: (architecture) =>
      cellNetwork({
        scope: variableScope({ rng: seeded(99) }),
        plan: planCells(cells.options, input, classes),
        body: fixedBody(architecture as CellArchitecture, { affine: false, normalisePooling: true }),
        affine: false,
      }),
    source: (name, architecture) => {
      const [cell, node, which] = name.split('/') as [string, string, 'left' | 'right']
      if (!node?.startsWith('node_')) return name
      const to = Number(node.slice('node_'.length))
      const { normal, reduction } = architecture as CellArchitecture
      const place = planCells(cells.options, input, classes).cells.find(({ index }) => cell === `cell_${index}`)
      const edge = (place?.reduction ? reduction : normal)[to - 2]?.[which]
      return `${cell}/edge_${edge?.input}_${to}/${edge?.op}/${side(name)}`
    },
  },
  {
    space: bench as NetworkSpace<unknown>,
    alone: (architecture) =>
      nasBench201Network({
        scope: variableScope({ rng: seeded(99) }),
        plan: planNasBench201(bench.options, input, classes),
        body: fixedNasBench201Body(architecture as NasBench201Architecture, false),
        affine: false,
      }),
    source: (name, architecture) => {
      const [, cell, from, to, rest] = /^(cell_\d+)\/edge_(\d)_(\d)\/(.*)$/.exec(name) ?? []
      if (cell === undefined) return name
      const node = (architecture as Record<string, Record<string, string>>)[`node${to}`]
      return `${cell}/edge_${from}_${to}/${node?.[`from${from}`]}/${rest}`
    },
  },
  chainCase(chain),
  chainCase(headless as unknown as typeof chain),
]

const supernetOf = (space: SearchSpace<unknown>, seed = 3): Supernet =>
  space.supernet?.({ input, classes, rng: seeded(seed) }) as Supernet
const architectures = (space: SearchSpace<unknown>, count: number) =>
  Array.from({ length: count }, (_, seed) => space.decode(space.random(seeded(seed))))
const valuesOf = (net: Pick<Network, 'apply'>, training: boolean) =>
  tf.tidy(() => [...net.apply(images(), { training }).dataSync()])
const lossOf = (net: Pick<Network, 'apply'>) =>
  softmaxCrossEntropy(net.apply(images(), { training: true, rng: seeded(1) }), labels())
const expectClose = (received: readonly number[], expected: readonly number[], digits = 4) => {
  expect(received.length).toBe(expected.length)
  received.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i] as number, digits)
  })
}
/** Gives a stand-alone network the supernet's weights. */
function copyWeights(saved: readonly SavedWeight[], net: ScopedNetwork, source: (name: string) => string) {
  const byName = new Map(saved.map((weight) => [weight.name, weight]))
  let copied = 0
  const records = net.scope.list().flatMap(({ path }) => {
    const found = byName.get(source(path))
    if (found) copied++
    return found ? [{ ...found, name: path }] : []
  })
  net.scope.load(records, { partial: true })
  return copied
}

describe.each(cases.map((each) => [each.space.name, each] as const))(
  'the supernet of %s',
  (_, { space, alone, source }) => {
    it('gives the output of a stand-alone network with the same weights, while training and after', async () => {
      using supernet = supernetOf(space)
      const saved = await supernet.save()
      const touched = new Set<number>()
      for (const architecture of architectures(space, 6)) {
        supernet.load(saved)
        using net = alone(architecture)
        const copied = copyWeights(saved, net, (name) => source(name, architecture))
        touched.add(copied)
        // The chain's own blocks have scale 1 and offset 0 where the supernet's have none.
        const own = net.scope.list().filter(({ path }) => !/\/(gamma|beta)$/.test(path))
        expect(copied).toBeGreaterThanOrEqual(own.length)
        const path = supernet.path(architecture)
        expectClose(valuesOf(path, true), valuesOf(net, true))
        expectClose(valuesOf(path, false), valuesOf(net, false))
        expect(path.state.length).toBe(
          new Set(
            net.scope.list().flatMap(({ path: name, kind }) => (kind === 'state' ? [source(name, architecture)] : [])),
          ).size,
        )
      }
      expect(touched.size).toBeGreaterThan(1)
    })

    it('starts from weights that depend on the seed only, saves them and loads them', async () => {
      using first = supernetOf(space, 1)
      using second = supernetOf(space, 2)
      using again = supernetOf(space, 1)
      const [architecture] = architectures(space, 1)
      const output = (supernet: Supernet) => valuesOf(supernet.path(architecture), false)
      expect(output(again)).toEqual(output(first))
      expect(output(second)).not.toEqual(output(first))
      second.load(await first.save())
      expect(output(second)).toEqual(output(first))
    })

    it('trains only the variables on the path, and all of them', () => {
      using supernet = supernetOf(space)
      for (const architecture of architectures(space, 4)) {
        const path = supernet.path(architecture)
        const { grads } = tf.tidy(() => {
          const result = tf.variableGrads(() => lossOf(path) as tf.Scalar, [...supernet.trainable])
          return { grads: Object.keys(result.grads).filter((name) => result.grads[name] != null) }
        })
        const own = new Set(path.trainable.map(({ name }) => name))
        expect(own.size).toBe(path.trainable.length)
        expect(own.size).toBeLessThan(supernet.trainable.length)
        for (const name of grads) expect(own).toContain(name)
        // 'none' on the way cuts gradients off; without it every weight of the path is reached.
        if (!JSON.stringify(architecture).includes('"none"') && space !== cells) expect(grads.length).toBe(own.size)
        const before = [...supernet.trainable, ...supernet.state].map((variable) => [...variable.dataSync()])
        const optimizer = tf.train.sgd(0.1)
        trainStep({ variables: path.trainable, optimizer, loss: () => lossOf(path) })
        optimizer.dispose()
        const changeable = new Set([...path.trainable, ...path.state].map(({ name }) => name))
        let changed = 0
        ;[...supernet.trainable, ...supernet.state].forEach((variable, i) => {
          const same = variable.dataSync().every((value, k) => value === before[i]?.[k])
          if (!same) {
            changed++
            expect(changeable).toContain(variable.name)
          }
        })
        expect(changed).toBeGreaterThan(0)
      }
    })

    it('keeps as many tensors over many sampled paths', async () => {
      using supernet = supernetOf(space)
      const optimizer = tf.train.sgd(0.01)
      const tried = async () => {
        const rng = seeded(5)
        for (let step = 0; step < (process.env.ARCHLOOM_SLOW ? 500 : 25); step++) {
          const path = supernet.path(space.decode(space.random(rng)))
          const { loss } = trainStep({ variables: path.trainable, optimizer, loss: () => lossOf(path) })
          expect(Number.isFinite(loss)).toBe(true)
          path[Symbol.dispose]()
        }
        valuesOf(supernet.path(space.decode(space.random(rng))), false)
      }
      expect(await countTensors(tried)).toEqual({ tensors: 0, buffers: 0 })
      optimizer.dispose()
    })

    it('gives everything back', async () => {
      expect(await countTensors(() => supernetOf(space)[Symbol.dispose]())).toEqual({ tensors: 0, buffers: 0 })
    })
  },
)

describe('a choice made twice', () => {
  it('is computed with one set of weights, whose gradient is the sum of both uses', async () => {
    const edge = { input: 0, op: 'sep_conv_3x3' } as const
    const node = { left: edge, right: edge }
    const architecture = { normal: [node, node], reduction: [node, node] } as const
    const { alone, source } = cases[0] as Case
    using supernet = supernetOf(cells as SearchSpace<unknown>)
    using net = alone(architecture)
    copyWeights(await supernet.save(), net, (name) => source(name, architecture))
    const path = supernet.path(architecture)
    const gradientsOf = (each: Network): Map<string, number[]> => {
      const byName = tf.tidy(() => {
        const { grads } = tf.variableGrads(() => lossOf(each) as tf.Scalar, [...each.trainable])
        return Object.entries(grads).map(([name, gradient]): [string, Float32Array] => [
          name,
          (gradient?.dataSync() ?? new Float32Array()) as Float32Array,
        ]) as unknown as tf.TensorContainer
      }) as unknown as [string, Float32Array][]
      return new Map(byName.map(([name, gradient]) => [name.slice(name.indexOf('/') + 1), [...gradient]]))
    }
    const [shared, apart] = [gradientsOf(path), gradientsOf(net)]
    const sums = new Map<string, number[]>()
    let doubled = 0
    for (const [name, gradient] of apart) {
      const to = source(name, architecture)
      const other = sums.get(to)
      if (other) doubled++
      sums.set(to, other ? gradient.map((value, i) => value + other[i]!) : gradient)
    }
    // Two nodes in each of three cells.
    expect(doubled).toBeGreaterThan(6)
    for (const [name, gradient] of shared) expectClose(gradient, sums.get(name) as number[], 3)
    expect([...shared.keys()].filter((name) => /edge_0_2\/sep_conv_3x3/.test(name)).length).toBeGreaterThan(0)
  })
})

it('edges are numbered by target, then source: (0,2) = 0, (1,2) = 1, (0,3) = 2, …, (4,5) = 13', () => {
  const pairs = [2, 3, 4, 5].flatMap((to) => Array.from({ length: to }, (_, from) => edgeIndex(from, to)))
  expect(pairs).toEqual(Array.from({ length: 14 }, (_, index) => index))
})

it('paths of architectures of another space are refused: ARCHLOOM_ARCHITECTURE_INVALID', () => {
  const spaces = [cells, bench, chain, cellSpace({ nodes: 3, channels: 4, cells: 3 })] as SearchSpace<unknown>[]
  for (const own of spaces) {
    using supernet = supernetOf(own)
    for (const other of spaces) {
      const path = () => supernet.path(other.decode(other.random(seeded(1))))
      if (other === own) expect(path().trainable.length).toBeGreaterThan(0)
      else expect(path, `${other.name} in ${own.name}`).toThrow('ARCHLOOM_ARCHITECTURE_INVALID')
    }
  }
  using supernet = supernetOf(bench as SearchSpace<unknown>)
  expect(() => supernet.path(bench.decode([9, 0, 0, 0, 0, 0]))).toThrow('ARCHLOOM_ARCHITECTURE_INVALID')
})

describe('relaxations', () => {
  const oneHot = (rows: number, columns: number, chosen: readonly (readonly [number, number])[]) => {
    const weights = Array.from({ length: rows }, () => new Array<number>(columns).fill(0))
    for (const [row, column] of chosen) (weights[row] as number[])[column] = 1
    return weights
  }

  it('of NAS-Bench-201 equals the path where every row is one-hot', () => {
    using supernet = supernetOf(bench as SearchSpace<unknown>)
    const mixture = supernet.mixture as NonNullable<typeof supernet.mixture>
    expect(mixture.edges).toEqual(['0→1', '0→2', '1→2', '0→3', '1→3', '2→3'])
    for (const genotype of ['312043', '111111', '000000', '234321']) {
      const architecture = bench.decode(bench.parse(genotype))
      const weights = oneHot(
        6,
        5,
        [...genotype].map((op, edge) => [edge, Number(op)]),
      )
      expect(mixture.derive(weights)).toEqual(architecture)
      const wanted = valuesOf(supernet.path(architecture), true)
      const mixed = (skip?: (edge: number, op: number) => boolean) =>
        tf.tidy(() => [...mixture.apply(tf.tensor2d(weights), images(), { training: true }, skip).dataSync()])
      expectClose(mixed(), wanted)
      expectClose(
        mixed((edge, op) => weights[edge]?.[op] === 0),
        wanted,
      )
    }
  })

  it('of cells equals the path where a node has one-hot rows on two edges and zeros on the others', () => {
    using supernet = supernetOf(cells as SearchSpace<unknown>)
    const mixture = supernet.mixture as NonNullable<typeof supernet.mixture>
    const node = (left: number, leftOp: string, right: number, rightOp: string) => ({
      left: { input: left, op: leftOp },
      right: { input: right, op: rightOp },
    })
    const architecture = {
      normal: [node(0, 'sep_conv_3x3', 1, 'max_pool_3x3'), node(0, 'skip_connect', 2, 'dil_conv_3x3')],
      reduction: [node(0, 'avg_pool_3x3', 1, 'skip_connect'), node(1, 'sep_conv_5x5', 2, 'skip_connect')],
    }
    const chosen = [architecture.normal, architecture.reduction].flatMap((cell, which) =>
      cell.flatMap(({ left, right }, index) =>
        [left, right].map(
          (edge) => [which * 5 + edgeIndex(edge.input, index + 2), mixture.operations.indexOf(edge.op)] as const,
        ),
      ),
    )
    const weights = oneHot(10, 8, chosen)
    expect(mixture.edges).toHaveLength(10)
    expect(mixture.derive(weights)).toEqual(architecture)
    const mixed = tf.tidy(() => [...mixture.apply(tf.tensor2d(weights), images(), { training: true }).dataSync()])
    expectClose(mixed, valuesOf(supernet.path(architecture), true))
  })

  it('differentiate towards their weights as finite differences do', () => {
    using supernet = supernetOf(bench as SearchSpace<unknown>)
    const mixture = supernet.mixture as NonNullable<typeof supernet.mixture>
    const rng = seeded(4)
    const start = Array.from({ length: 6 }, () => Array.from({ length: 5 }, () => 0.2 + 0.1 * rng.float()))
    const loss = (weights: tf.Tensor) =>
      softmaxCrossEntropy(mixture.apply(weights, images(), { training: true }), labels())
    const gradient = tf.tidy(() =>
      tf
        .grad((weights: tf.Tensor) => loss(weights))(tf.tensor2d(start))
        .arraySync(),
    ) as number[][]
    for (const [edge, op] of [
      [0, 3],
      [3, 1],
      [5, 4],
      [2, 2],
    ] as const) {
      const at = (step: number) => {
        const moved = start.map((row) => [...row])
        ;(moved[edge] as number[])[op] = (moved[edge]?.[op] as number) + step
        return tf.tidy(() => loss(tf.tensor2d(moved)).dataSync()[0] as number)
      }
      expect(gradient[edge]?.[op]).toBeCloseTo((at(0.001) - at(-0.001)) / 0.002, 1)
    }
    // A zero operation has no effect, so no slope.
    expect(gradient.map((row) => row[0])).toEqual([0, 0, 0, 0, 0, 0])
  })

  it('of cells keep the two strongest inputs of a node, never none', () => {
    const operations = ['none', 'skip_connect', 'sep_conv_3x3'] as const
    const row = (none: number, skip: number, conv: number) => [none, skip, conv]
    const weights = [
      row(0.8, 0.1, 0.1),
      row(0.1, 0.5, 0.4),
      row(0.1, 0.3, 0.6),
      row(0.9, 0.06, 0.04),
      row(0.2, 0.7, 0.1),
    ]
    const { normal } = deriveCells([...weights, ...weights], 2, operations)
    expect(normal).toEqual([
      { left: { input: 1, op: 'skip_connect' }, right: { input: 0, op: 'skip_connect' } },
      { left: { input: 2, op: 'skip_connect' }, right: { input: 0, op: 'sep_conv_3x3' } },
    ])
  })

  it('are not there for chains, whose blocks differ in width', () => {
    using supernet = supernetOf(chain as SearchSpace<unknown>)
    expect(supernet.mixture).toBeUndefined()
  })
})
