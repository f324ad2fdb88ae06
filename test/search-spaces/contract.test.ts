import { expect, it } from 'vitest'
import { findSearchSpace, registerSearchSpace, type SearchSpace } from '../../core/space/index.ts'
import { spaceContract } from '../../core/testing/index.ts'
import { cellSpace } from '../../search-spaces/cell/index.ts'
import { chainSpace } from '../../search-spaces/chain/index.ts'
import { nasBench201Space } from '../../search-spaces/nas-bench-201/index.ts'
import { nasBenchMacroSpace } from '../../search-spaces/nas-bench-macro/index.ts'
import { toySpace } from '../../search-spaces/toy/index.ts'
import { spaceCases } from './spaces.ts'

for (const { space } of spaceCases) spaceContract(space.name, space, { samples: 30 })
spaceContract('cell of published size, distinct inputs', cellSpace({ distinctInputs: true }), { samples: 5 })

it('registers the defaults by short names, and other options by names that tell them apart', () => {
  const spaces = [toySpace(), cellSpace(), chainSpace(), nasBench201Space(), nasBenchMacroSpace()] as SearchSpace[]
  for (const space of spaces) registerSearchSpace(space)
  expect(spaces.map(({ name }) => name)).toEqual(['toy', 'cell', 'chain', 'nas-bench-201', 'nas-bench-macro'])
  for (const space of spaces) expect(findSearchSpace(space.name)).toBe(space)

  expect(cellSpace({ nodes: 4, channels: 16, cells: 6 }).name).toBe('cell-cells=6')
  expect(cellSpace({ nodes: 2, cells: 3 }).name).toBe(cellSpace({ cells: 3, nodes: 2 }).name)
  expect(nasBench201Space({ cells: 1 }).name).toBe('nas-bench-201-cells=1')
  const names = [['none'], ['none', 'skip_connect'], ['skip_connect', 'none']] as const
  expect(new Set(names.map((operations) => cellSpace({ operations }).name)).size).toBe(3)
  for (const { space } of spaceCases) expect(space.name).toMatch(/^[a-z0-9=.-]+$/i)
  expect(cellSpace({ channels: 8 }).fingerprint).not.toBe(cellSpace().fingerprint)
  expect(cellSpace({ channels: 16 }).fingerprint).toBe(cellSpace().fingerprint)
  // Another space under a taken name is refused; an equal one is not.
  registerSearchSpace(cellSpace({ nodes: 4 }))
})

it('refuses options that no network can be built of', () => {
  const refused = [
    () => cellSpace({ channels: 0 }),
    () => cellSpace({ cells: 2.5 }),
    () => cellSpace({ cells: 4, reductions: [4] }),
    () => cellSpace({ auxiliary: -1 }),
    () => cellSpace({ stem: 'vgg' as 'cifar' }),
    () => cellSpace({ stem: 'imagenet', channels: 3 }),
    () => cellSpace({ stemMultiplier: 0 }),
    () => nasBench201Space({ channels: -2 }),
    () => nasBenchMacroSpace({ head: 0 }),
    () => chainSpace({ kernels: [4] }),
    () => chainSpace({ expansions: [0.5] }),
    () => chainSpace({ stages: [] }),
    () => chainSpace({ stages: [{ widths: [1.5], depth: { min: 1, max: 1 } }] }),
    () => chainSpace({ stages: [{ widths: [4], depth: { min: 0, max: 1 } }] }),
    () => chainSpace({ stages: [{ widths: [4], depth: { min: 1, max: 1 }, stride: 3 as 2 }] }),
    () => chainSpace({ stem: 0 }),
    () => chainSpace({ head: -1 }),
  ]
  for (const make of refused) expect(make, String(make)).toThrow('ARCHLOOM_OPTION')
  expect(() => cellSpace({ nodes: 0 })).toThrow('ARCHLOOM_OPTION')
  expect(() => cellSpace({ operations: [] })).toThrow(/ARCHLOOM_(OPTION|SPACE_EMPTY_CHOICE)/)
  expect(() => cellSpace({ operations: ['none', 'none'] })).toThrow(/ARCHLOOM_(OPTION|SPACE_DUPLICATE_OPTION)/)
})
