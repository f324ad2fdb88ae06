import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { seeded } from '../../core/random.ts'
import { useEngine, variableScope } from '../../core/tensor/index.ts'
import type { NetworkCost } from '../../core/trainer.ts'
import {
  auxiliaryCost,
  buildEdge,
  type CellArchitecture,
  type CellOptions,
  type CellPlace,
  CNAS,
  cellCost,
  cellDot,
  cellSpace,
  countEdge,
  countPreprocessing,
  countStem,
  DARTS_V1,
  DARTS_V2,
  dartsOperations,
  enasOperations,
  formatDartsGenotype,
  parseDartsGenotype,
  planCells,
  skeletonOptions,
} from '../../search-spaces/cell/index.ts'

beforeAll(async () => {
  await useEngine('wasm')
})

const plan = (options: CellOptions, input: readonly number[], classes: number) =>
  planCells(skeletonOptions(options), input, classes)
const cifar = plan({ channels: 36, cells: 20 }, [32, 32, 3], 10)
const imagenet = plan({ channels: 48, cells: 14, stem: 'imagenet' }, [224, 224, 3], 1000)

describe('published counts', () => {
  // Convolutions only, as the released counters of DARTS and CNAS count.
  it.each([
    ['DARTS_V1', DARTS_V1, cifar, 3_169_414, 500_981_760],
    ['DARTS_V2', DARTS_V2, cifar, 3_349_342, 528_353_280],
    ['CNAS', CNAS, cifar, 3_695_374, 564_019_200],
    ['DARTS_V2 on ImageNet', DARTS_V2, imagenet, 4_718_752, 529_143_552],
    ['CNAS on ImageNet', CNAS, imagenet, 5_318_368, 576_390_528],
  ] as const)('%s', (_name, architecture, place, parameters, convolutionMultiplyAdds) => {
    const cost = cellCost(architecture, place)
    expect(cost).toMatchObject({ parameters, convolutionMultiplyAdds })
    expect(cost.multiplyAdds).toBe(convolutionMultiplyAdds + cost.classifierMultiplyAdds)
  })

  it('the classifier of 576 features adds 5,760, and the space states the sum', () => {
    const space = cellSpace({ channels: 36, cells: 20 })
    expect(space.cost(DARTS_V2, { input: [32, 32, 3], classes: 10 })).toMatchObject({
      parameters: 3_349_342,
      multiplyAdds: 528_353_280 + 5_760,
    })
  })

  it('auxiliary classifiers', () => {
    expect(auxiliaryCost(cifar).parameters).toBe(476_426)
    expect(auxiliaryCost(imagenet).parameters).toBe(1_260_776)
  })

  it('the supernet of DARTS and CNAS: every operation on every edge, no affine normalisation in the cells', () => {
    const supernet = plan({}, [32, 32, 3], 10)
    const parametersOf = (costs: readonly NetworkCost[]) => costs.reduce((sum, { parameters }) => sum + parameters, 0)
    const cell = (place: CellPlace) =>
      parametersOf([
        countPreprocessing(place, 0, false),
        countPreprocessing(place, 1, false),
        ...[0, 1, 2, 3].flatMap((node) =>
          Array.from({ length: node + 2 }, (_, state) =>
            dartsOperations.map((op) => countEdge(place, state, op, false)),
          ).flat(),
        ),
      ])
    const cells = supernet.cells.map(cell).reduce((a, b) => a + b)
    expect(parametersOf(countStem(supernet.options, supernet.input)) + cells + (256 + 1) * 10).toBe(1_930_618)
  })

  it('sizes of the published spaces', () => {
    expect(cellSpace().size).toBe(241_591_910_400n ** 2n)
    expect(cellSpace({ nodes: 5, operations: enasOperations }).size).toBe(5_062_500_000_000n ** 2n)
    // Without repeated inputs: (2·1)(3·2)(4·3)(5·4) ordered pairs instead of (5!)².
    expect(cellSpace({ distinctInputs: true }).size).toBe((2_880n * 8n ** 8n) ** 2n)
  })
})

describe('places', () => {
  it('reduces at a third and two thirds, doubles channels there, and brings the older input down afterwards', () => {
    const { cells, auxiliaryAfter } = plan({}, [32, 32, 3], 10)
    expect(cells.flatMap(({ reduction, index }) => (reduction ? [index] : []))).toEqual([2, 5])
    expect(cells.flatMap(({ reducesFirst, index }) => (reducesFirst ? [index] : []))).toEqual([3, 6])
    expect(cells.map(({ output }) => [output.height, output.channels])).toEqual([
      ...[0, 1].map(() => [32, 64]),
      ...[2, 3, 4].map(() => [16, 128]),
      ...[5, 6, 7].map(() => [8, 256]),
    ])
    expect(auxiliaryAfter).toBe(5)
  })

  it('takes reductions where they are asked for', () => {
    const { cells } = plan({ cells: 4, reductions: [3] }, [9, 9, 3], 2)
    expect(cells.map(({ output }) => output.height)).toEqual([9, 9, 9, 5])
  })
})

describe('networks', () => {
  const input = [16, 16, 3]

  it('train with an auxiliary classifier whose parameters are no part of the cost', () => {
    const space = cellSpace({ nodes: 1, channels: 4, cells: 3, auxiliary: 0.4 })
    const architecture = space.decode(space.random(seeded(1)))
    using network = space.build(architecture, { input, classes: 5, rng: seeded(1) })
    const stated = space.cost(architecture, { input, classes: 5 })
    const extra = auxiliaryCost(planCells(space.options, input, 5)).parameters
    expect(network.trainable.reduce((sum, { size }) => sum + size, 0)).toBe(stated.parameters + extra)
    expect(network.auxiliary?.weight).toBe(0.4)
    tf.tidy(() => {
      network.apply(tf.zeros([2, ...input]), { training: true })
      expect(network.auxiliary?.logits()?.shape).toEqual([2, 5])
      network.apply(tf.zeros([2, ...input]), { training: false })
      expect(network.auxiliary?.logits()).toBeUndefined()
    })
  })

  it.each([
    ['pooled as published', { cells: 1, reductions: [] }, [16, 16, 3]],
    ['too small to pool', { cells: 3 }, [16, 16, 3]],
    ['a single position left', { cells: 3 }, [4, 4, 3]],
    ['of the imagenet stem', { cells: 1, stem: 'imagenet' }, [112, 112, 3]],
  ] as const)('have auxiliary classifiers of the stated size: %s', (_name, options, size) => {
    const space = cellSpace({ nodes: 1, channels: 2, auxiliary: 0.4, operations: ['skip_connect'], ...options })
    const architecture = space.decode(space.random(seeded(1)))
    using network = space.build(architecture, { input: size, classes: 3, rng: seeded(1) })
    const stated =
      space.cost(architecture, { input: size, classes: 3 }).parameters +
      auxiliaryCost(planCells(space.options, size, 3)).parameters
    expect(network.trainable.reduce((sum, variable) => sum + variable.size, 0)).toBe(stated)
    tf.tidy(() => {
      network.apply(tf.ones([1, ...size]), { training: true })
      expect(network.auxiliary?.logits()?.shape).toEqual([1, 3])
    })
  })

  it('drop whole paths except identities', () => {
    using scope = variableScope({ rng: seeded(1) })
    const place = plan({ nodes: 1, channels: 4, cells: 4, reductions: [3] }, [4, 4, 3], 2).cells[0] as CellPlace
    const skip = buildEdge(scope.child('skip'), place, 0, 'skip_connect')
    const pool = buildEdge(scope.child('pool'), place, 1, 'max_pool_3x3')
    tf.tidy(() => {
      const x = tf.ones([64, 4, 4, 4])
      const mode = { training: true, rng: seeded(2), dropPath: 0.75 }
      expect(skip(x, mode)).toBe(x)
      const perExample = [...tf.mean(pool(x, mode), [1, 2, 3]).dataSync()]
      expect([...new Set(perExample)].sort()).toEqual([0, 4])
      expect(perExample.filter((mean) => mean === 4).length).toBeGreaterThan(5)
      expect([...new Set(pool(x, { ...mode, training: false }).dataSync())]).toEqual([1])
    })
  })
})

describe('DARTS genotype literals', () => {
  const literal =
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"

  it('are read and written', () => {
    expect(parseDartsGenotype(literal)).toEqual(DARTS_V2)
    expect(formatDartsGenotype(DARTS_V2)).toBe(literal)
    expect(parseDartsGenotype(literal.replaceAll('[2, 3, 4, 5]', 'range(2, 6)'))).toEqual(DARTS_V2)
    expect(parseDartsGenotype(literal.replaceAll("'", '"'), cellSpace())).toEqual(DARTS_V2)
  })

  it('survive a round trip for any architecture', () => {
    const space = cellSpace({ nodes: 3 })
    for (let seed = 0; seed < 50; seed++) {
      const architecture = space.decode(space.random(seeded(seed)))
      expect(parseDartsGenotype(formatDartsGenotype(architecture), space)).toEqual(architecture)
    }
  })

  it.each([
    ['nothing', ''],
    ['one cell missing', "Genotype(normal=[('none', 0), ('none', 1)])"],
    ['an odd number of pairs', literal.replace("('sep_conv_3x3', 0), ", '')],
    ['an unknown operation', literal.replace('dil_conv_3x3', 'conv_9x9')],
    ['an input from the future', literal.replace("('sep_conv_3x3', 0)", "('sep_conv_3x3', 2)")],
    ['a partial concatenation', literal.replace('normal_concat=[2, 3, 4, 5]', 'normal_concat=[3, 4, 5]')],
    ['rubbish between pairs', literal.replace("('dil_conv_3x3', 2)", "('dil_conv_3x3', x)")],
  ])('are refused with %s', (_what, text) => {
    expect(() => parseDartsGenotype(text)).toThrow('ARCHLOOM_ARCHITECTURE_TEXT')
  })

  it('are refused by a space that lacks their operations or has other nodes', () => {
    expect(() => parseDartsGenotype(literal, cellSpace({ operations: ['none', 'skip_connect'] }))).toThrow(
      'ARCHLOOM_ARCHITECTURE_INVALID',
    )
    expect(() => parseDartsGenotype(literal, cellSpace({ nodes: 5 }) as never)).toThrow('ARCHLOOM_ARCHITECTURE_INVALID')
  })
})

describe('drawing', () => {
  it('has every edge of the cell', () => {
    const dot = cellDot(DARTS_V2, ['normal'])
    expect(dot.match(/->/g)).toHaveLength(8 + 4)
    expect(dot).toContain('normal_2 -> normal_5 [label="dil_conv_3x3"]')
    expect(dot).not.toContain('reduction')
    const both = cellDot(DARTS_V2 as CellArchitecture)
    expect(both).toContain('subgraph cluster_reduction')
    expect(both.split('{').length).toBe(both.split('}').length)
  })
})
