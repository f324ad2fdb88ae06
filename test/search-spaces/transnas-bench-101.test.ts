import {
  formatTransNasMacro,
  formatTransNasMicro,
  parseTransNasMacro,
  parseTransNasMicro,
  transNasMacroSpace,
  transNasMicroSpace,
} from 'archloom/search-spaces/transnas-bench-101'
import { spaceContract } from 'archloom/testing'
import { expect, it } from 'vitest'

const [micro, macro] = [transNasMicroSpace(), transNasMacroSpace()]
spaceContract('transnas-bench-101-micro', micro, { samples: 30 })
spaceContract('transnas-bench-101-macro', macro, { samples: 30 })

it('has as many architectures as the benchmark, each with a text of its own', () => {
  const texts = (all: readonly string[]) => new Set(all).size
  const cells = [...micro.enumerate()].map((genotype) => formatTransNasMicro(micro.decode(genotype)))
  expect([cells.length, texts(cells)]).toEqual([4_096, 4_096])
  const rows = [...macro.enumerate()].map((genotype) => formatTransNasMacro(macro.decode(genotype)))
  expect([rows.length, texts(rows), macro.size]).toEqual([3_256, 3_256, 3_256n])
  for (const text of cells) expect(formatTransNasMicro(parseTransNasMicro(text))).toBe(text)
  for (const text of rows) expect(formatTransNasMacro(parseTransNasMacro(text))).toBe(text)
})

it('reads the examples of the benchmark', () => {
  // Its own explanation: node 1 skips node 0; node 2 ignores node 0 and has a 1×1 convolution of node 1; node 3 adds three
  // 3×3 convolutions.
  expect(parseTransNasMicro('64-41414-1_02_333')).toEqual({
    node1: { from0: 'skip_connect' },
    node2: { from0: 'none', from1: 'nor_conv_1x1' },
    node3: { from0: 'nor_conv_3x3', from1: 'nor_conv_3x3', from2: 'nor_conv_3x3' },
  })
  expect(parseTransNasMacro('64-1234-basic')).toEqual({ modules: ['normal', 'channels', 'resolution', 'both'] })
})

it.each(['64-41414-1_02_334', '64-41414-1_023_33', '32-41414-1_02_333', ''])('refuses the cell %j', (text) => {
  expect(() => parseTransNasMicro(text)).toThrow('ARCHLOOM_ARCHITECTURE_TEXT')
})

it.each(['64-123-basic', '64-1111111-basic', '64-1235-basic', ''])('refuses the row %j', (text) => {
  expect(() => parseTransNasMacro(text)).toThrow('ARCHLOOM_ARCHITECTURE_TEXT')
})
