import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { formatMacroKey, nasBenchMacroSpace, parseMacroKey } from '../../search-spaces/nas-bench-macro/index.ts'
import { describeWithData } from '../conditional-suites.ts'

const space = nasBenchMacroSpace()
const costOf = (key: string) => space.cost(parseMacroKey(key), { input: [32, 32, 3], classes: 10 })

describe('keys', () => {
  it('are the string form of the genotype', () => {
    for (const key of ['00000000', '01201201', '22222222']) {
      const architecture = parseMacroKey(key)
      expect(formatMacroKey(architecture)).toBe(key)
      expect(space.format(space.encode(architecture))).toBe(key)
      expect(space.decode(space.parse(key))).toEqual(architecture)
    }
    expect(parseMacroKey('01200000').layers.slice(0, 3)).toEqual(['identity', 'mb_conv_k3_e3', 'mb_conv_k5_e6'])
    expect(space.size).toBe(6_561n)
  })

  it.each(['', '0120120', '012012012', '01201203', '0120120x'])('are refused as %j', (key) => {
    expect(() => parseMacroKey(key)).toThrow('ARCHLOOM_ARCHITECTURE_TEXT')
  })
})

describe('cost', () => {
  it.each([
    ['00000000', 387_882, 7_713_280],
    ['10000000', 396_298, 12_128_768],
    ['01000000', 415_082, 14_447_104],
    ['20000000', 409_834, 17_854_976],
    ['00100000', 419_050, 12_018_176],
    ['00000100', 507_562, 11_962_880],
    ['00000001', 791_594, 14_115_328],
    ['11111111', 1_588_874, 53_246_464],
    ['22222222', 2_932_586, 105_660_928],
  ])('of %s is the published one', (key, parameters, multiplyAdds) => {
    expect(costOf(key)).toEqual({ parameters, multiplyAdds })
  })
})

const file = 'nas/nas_bench_macro_cifar10.json.gz'
describeWithData('the table of the benchmark', [file], (root) => {
  it('has our costs in every row', () => {
    const table = JSON.parse(gunzipSync(readFileSync(join(root, file))).toString()) as Record<
      string,
      { params: number; flops: number }
    >
    const keys = Object.keys(table)
    expect(keys).toHaveLength(6_561)
    for (const key of keys) {
      const { params, flops } = table[key] as { params: number; flops: number }
      expect(costOf(key), key).toEqual({ parameters: params, multiplyAdds: flops })
    }
  })
})
