import type { Infer } from 'archloom'
import { type CellArchitecture, cellSpace, DARTS_V2, parseDartsGenotype } from 'archloom/search-spaces/cell'
import { chainSpace } from 'archloom/search-spaces/chain'
import { type NasBench201Operation, nasBench201Space } from 'archloom/search-spaces/nas-bench-201'
import { nasBenchMacroSpace } from 'archloom/search-spaces/nas-bench-macro'
import { mbConv, operation } from 'archloom/search-spaces/operations'
import { toySpace } from 'archloom/search-spaces/toy'
import { expectTypeOf, test } from 'vitest'

type Darts =
  | 'none'
  | 'max_pool_3x3'
  | 'avg_pool_3x3'
  | 'skip_connect'
  | 'sep_conv_3x3'
  | 'sep_conv_5x5'
  | 'dil_conv_3x3'
  | 'dil_conv_5x5'

test('cell: tuples of nodes, a union of operations, numbers for inputs', () => {
  const space = cellSpace({ nodes: 4, channels: 16, cells: 6 })
  const best = { architecture: space.decode([]) }
  expectTypeOf(best.architecture.normal[0].left.op).toEqualTypeOf<Darts>()
  expectTypeOf(best.architecture.reduction[3].right.input).toEqualTypeOf<number>()
  expectTypeOf(space.options.operations[0]).toEqualTypeOf<'none'>()
  // @ts-expect-error there are four nodes
  best.architecture.normal[4]
  // @ts-expect-error no such operation
  best.architecture.normal[0].left.op === 'conv_9x9'
  // @ts-expect-error an input is a number
  best.architecture.normal[0].left.input === 'c(k-1)'
})

test('cell: nodes and operations of the options', () => {
  const architecture = cellSpace({ nodes: 2, operations: ['sep_conv_3x3', 'skip_connect'] }).decode([])
  expectTypeOf(architecture.normal[1].right.op).toEqualTypeOf<'sep_conv_3x3' | 'skip_connect'>()
  // @ts-expect-error there are two nodes
  architecture.normal[2]
  expectTypeOf(cellSpace().decode([]).normal).toHaveProperty('length').toEqualTypeOf<4>()
  const nodes: number = 3
  // A number known only at run time gives an array.
  expectTypeOf(cellSpace({ nodes }).decode([]).normal[7]?.left.op).toEqualTypeOf<Darts | undefined>()
  // @ts-expect-error no such operation
  cellSpace({ operations: ['conv_9x9'] })
  // @ts-expect-error no such option
  cellSpace({ node: 4 })
})

test('cell: published architectures belong to the default space, and to any cell', () => {
  cellSpace().encode(DARTS_V2)
  expectTypeOf(DARTS_V2).toExtend<CellArchitecture>()
  expectTypeOf(parseDartsGenotype('', cellSpace())).toEqualTypeOf<Infer<ReturnType<typeof cellSpace<4>>>>()
  // @ts-expect-error two nodes are not four
  cellSpace({ nodes: 2 }).encode(DARTS_V2)
  // @ts-expect-error an architecture of another space
  cellSpace().encode(nasBench201Space().decode([]))
})

test('NAS-Bench-201: an operation for each edge', () => {
  const architecture = nasBench201Space().decode([])
  expectTypeOf(architecture.node3.from2).toEqualTypeOf<NasBench201Operation>()
  // @ts-expect-error node 1 has one edge
  architecture.node1.from1
  // @ts-expect-error not an operation of the benchmark
  architecture.node1.from0 === 'sep_conv_3x3'
})

test('NAS-Bench-Macro: eight layers', () => {
  const { layers } = nasBenchMacroSpace().decode([])
  expectTypeOf(layers[7]).toEqualTypeOf<'identity' | 'mb_conv_k3_e3' | 'mb_conv_k5_e6'>()
  // @ts-expect-error there are eight
  layers[8]
})

test('chain: kernels and expansions of the options, stages of variable depth', () => {
  const space = chainSpace({
    kernels: [3, 7],
    expansions: [2],
    stages: [{ widths: [8, 16], depth: { min: 1, max: 2 } }],
  })
  const block = space.decode([]).stages[0]?.blocks[0]
  expectTypeOf(block?.kernel).toEqualTypeOf<3 | 7 | undefined>()
  expectTypeOf(block?.expansion).toEqualTypeOf<2 | undefined>()
  expectTypeOf(chainSpace().decode([]).stages[0]?.blocks[0]?.kernel).toEqualTypeOf<3 | 5 | undefined>()
  // @ts-expect-error the stride of a stage is 1 or 2
  chainSpace({ stages: [{ widths: [8], depth: { min: 1, max: 2 }, stride: 4 }] })
})

test('toy: three decisions', () => {
  const architecture = toySpace().decode([])
  expectTypeOf(architecture.kernel).toEqualTypeOf<1 | 3 | 5>()
  // @ts-expect-error no such decision
  architecture.activation
})

test('operations: by name', () => {
  operation('sep_conv_3x3')
  mbConv({ kernel: 3, expansion: 6 })
  // @ts-expect-error no such operation
  operation('conv_9x9')
})
