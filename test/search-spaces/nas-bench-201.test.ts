import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../core/random.ts'
import {
  edgesOf,
  formatArchString,
  genotypeOfIndex,
  type NasBench201Architecture,
  nasBench201Cost,
  nasBench201Space,
  officialIndex,
  parseArchString,
  planNasBench201,
} from '../../search-spaces/nas-bench-201/index.ts'
import { mersenneTwister, pythonShuffle } from '../../search-spaces/nas-bench-201/mersenne-twister.ts'
import { describeWithData } from '../conditional-suites.ts'

const space = nasBench201Space()
const cifar10 = { input: [32, 32, 3], classes: 10 }
const costOf = (arch: string, task = cifar10) => space.cost(parseArchString(arch), task)

describe('architecture strings', () => {
  const text = '|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|'

  it('are read and written', () => {
    const architecture = parseArchString(text)
    expect(architecture.node3.from2).toBe('nor_conv_1x1')
    expect(formatArchString(architecture)).toBe(text)
    expect(space.encode(architecture)).toEqual([3, 0, 1, 4, 0, 2])
  })

  it('survive a round trip for all 15,625', () => {
    const all = [...space.enumerate()]
    expect(all).toHaveLength(15_625)
    const back = all.map((genotype) => space.encode(parseArchString(formatArchString(space.decode(genotype)))))
    expect(back).toEqual(all)
  })

  it.each([
    ['nothing', ''],
    ['two nodes', '|none~0|+|none~0|none~1|'],
    ['a missing edge', '|none~0|+|none~0|+|none~0|none~1|none~2|'],
    ['a wrong source', text.replace('none~1', 'none~2')],
    ['an unknown operation', text.replace('nor_conv_3x3', 'conv_3x3')],
    ['no bars', text.replaceAll('|', '')],
  ])('are refused with %s', (_what, wrong) => {
    expect(() => parseArchString(wrong)).toThrow('ARCHLOOM_ARCHITECTURE_TEXT')
  })
})

describe("the benchmark's numbering", () => {
  it("repeats CPython's generator", () => {
    // random.seed(88): three times random.getrandbits(32).
    const next = mersenneTwister(88)
    expect([next(), next(), next()]).toEqual([1707201716, 4182107318, 813946014])
    expect(pythonShuffle([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 88)).toEqual([8, 2, 9, 4, 0, 7, 1, 5, 3, 6])
  })

  it.each([
    [0, '|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|'],
    [1, '|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|'],
    [6, '|nor_conv_3x3~0|+|none~0|none~1|+|avg_pool_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|'],
    [15_624, '|nor_conv_1x1~0|+|none~0|nor_conv_1x1~1|+|none~0|nor_conv_1x1~1|nor_conv_1x1~2|'],
  ])('number %i', (index, arch) => {
    expect(formatArchString(space.decode(genotypeOfIndex(index)))).toBe(arch)
    expect(officialIndex(space.encode(parseArchString(arch)))).toBe(index)
  })

  it('is one to one', () => {
    const indices = Array.from({ length: 15_625 }, (_, index) => index)
    expect(new Set(indices.map((index) => space.format(genotypeOfIndex(index)))).size).toBe(15_625)
    expect(indices.map((index) => officialIndex(genotypeOfIndex(index)))).toEqual(indices)
  })

  it('refuses what it does not number', () => {
    for (const index of [-1, 15_625, 0.5, Number.NaN])
      expect(() => genotypeOfIndex(index)).toThrow('ARCHLOOM_BENCHMARK_INDEX')
    for (const genotype of [[], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 5], [0, 0, 0, 0, 0, 0.5]])
      expect(() => officialIndex(genotype)).toThrow('ARCHLOOM_BENCHMARK_INDEX')
  })
})

describe('cost', () => {
  const ops = (architecture: NasBench201Architecture, name: string) =>
    edgesOf(architecture).filter(({ op }) => op === name).length

  it('is the closed form of the benchmark, for every architecture', () => {
    const wrong: string[] = []
    for (const genotype of space.enumerate()) {
      const architecture = space.decode(genotype)
      const [n1, n3] = [ops(architecture, 'nor_conv_1x1'), ops(architecture, 'nor_conv_3x3')]
      const cost = space.cost(architecture, cifar10)
      const right =
        cost.parameters === 73_306 + 28_000 * n1 + 243_040 * n3 &&
        cost.multiplyAdds === 7_783_050 + 3_932_160 * n1 + 35_389_440 * n3
      if (!right) wrong.push(space.format(genotype))
    }
    expect(wrong).toEqual([])
  })

  it('differs between the three tasks as the benchmark does', () => {
    const architecture = space.decode([2, 2, 3, 4, 1, 3])
    const { parameters, multiplyAdds } = space.cost(architecture, cifar10)
    expect(space.cost(architecture, { input: [32, 32, 3], classes: 100 })).toEqual({
      parameters: parameters + 5_850,
      multiplyAdds: multiplyAdds + 5_850,
    })
    expect(space.cost(architecture, { input: [16, 16, 3], classes: 120 })).toEqual({
      parameters: parameters + 7_150,
      multiplyAdds: (multiplyAdds - 650) / 4 + 7_800,
    })
  })

  it('gives the published figures of architectures 0 and 1', () => {
    expect(
      costOf('|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|'),
    ).toEqual({
      parameters: 129_306,
      multiplyAdds: 15_647_370,
    })
    expect(
      costOf('|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|'),
    ).toEqual({
      parameters: 802_426,
      multiplyAdds: 113_951_370,
    })
  })

  it('leaves scale and offset of the cells out where they are not learned', () => {
    const architecture = space.decode([3, 3, 3, 3, 3, 3])
    const plan = planNasBench201(space.options, [32, 32, 3], 10)
    const difference =
      nasBench201Cost(architecture, plan).parameters - nasBench201Cost(architecture, plan, { affine: false }).parameters
    // 6 edges × 5 cells, and two normalisations in each residual block.
    expect(difference).toBe(30 * 2 * (16 + 32 + 64) + 2 * 2 * (32 + 64))
  })
})

describeWithData('the table of the benchmark', ['nas/nb201.csv.gz'], (root) => {
  it('has our numbering, strings and costs in every row', () => {
    const [header = '', ...rows] = gunzipSync(readFileSync(join(root, 'nas/nb201.csv.gz')))
      .toString()
      .trim()
      .split('\n')
    const columns = header.split(',')
    expect(rows).toHaveLength(15_625)
    for (const row of rows) {
      const values = row.split(',')
      const at = (name: string) => values[columns.indexOf(name)] as string
      const genotype = genotypeOfIndex(Number(at('index')))
      const architecture = space.decode(genotype)
      expect(formatArchString(architecture)).toBe(at('arch'))
      const cost = space.cost(architecture, cifar10)
      expect(cost.parameters / 1e6).toBeCloseTo(Number(at('params_m')), 6)
      expect(cost.multiplyAdds / 1e6).toBeCloseTo(Number(at('macs_m')), 5)
    }
  })
})

it('mutates within the 24 neighbours of a genotype', () => {
  const rng = seeded(4)
  const genotype = space.random(rng)
  const neighbours = [...space.neighbours(genotype)].map((neighbour) => space.format(neighbour))
  expect(neighbours).toHaveLength(24)
  for (let i = 0; i < 50; i++) expect(neighbours).toContain(space.format(space.mutate(genotype, rng)))
})
