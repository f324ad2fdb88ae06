import { seeded } from 'archloom'
import {
  cellOfChain,
  chainOperations,
  nasBench201ChainSpace,
  nasBench201Space,
} from 'archloom/search-spaces/nas-bench-201'
import { useEngine } from 'archloom/tensor'
import { expect, it } from 'vitest'

it('chains are 27 cells of the whole space, with its networks, costs and shared weights', async () => {
  await useEngine('cpu')
  const [space, whole] = [nasBench201ChainSpace({ channels: 4, cells: 1 }), nasBench201Space({ channels: 4, cells: 1 })]
  expect(space.size).toBe(27n)
  expect(space.name).not.toBe(nasBench201ChainSpace().name)
  const form = { input: [8, 8, 3], classes: 4 }
  const cells = new Set<string>()
  for (const first of chainOperations)
    for (const second of chainOperations)
      for (const third of chainOperations) {
        const chain = { first, second, third }
        const cell = cellOfChain(chain)
        expect(whole.decode(whole.encode(cell))).toEqual(cell)
        cells.add(JSON.stringify(cell))
        expect(space.cost(chain, form)).toEqual(whole.cost(cell, form))
      }
  expect(cells.size).toBe(27)
  const chain = { first: 'nor_conv_3x3', second: 'skip_connect', third: 'nor_conv_1x1' } as const
  using supernet = space.supernet!({ ...form, rng: seeded(1) })
  using reference = whole.supernet!({ ...form, rng: seeded(1) })
  const names = (network: { trainable: readonly { name: string; shape: number[] }[] }) =>
    network.trainable.map(({ shape }) => shape)
  expect(names(supernet.path(chain))).toEqual(names(reference.path(cellOfChain(chain))))
  // A relaxation over all operations would leave the 27.
  expect(supernet.mixture).toBeUndefined()
})
