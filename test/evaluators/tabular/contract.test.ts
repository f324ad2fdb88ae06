import { defineSpace, oneOf, product, realClock, seeded, virtualClock } from 'archloom'
import { tableOf, tabular } from 'archloom/evaluators/tabular'
import { evaluatorContract } from 'archloom/testing'

type Pair = { readonly a: 'x' | 'y'; readonly b: 'x' | 'y' }
const space = defineSpace<Pair>('pair', product({ a: oneOf('x', 'y'), b: oneOf('x', 'y') }))
const rows = { xx: { value: 1 }, xy: { value: 2 }, yx: { value: 3 }, yy: { value: 4 } }
const table = tableOf({ name: 'pairs', rows, key: ({ a, b }: Pair) => a + b, seconds: () => 60 })

for (const [name, clock] of Object.entries({ real: realClock, virtual: virtualClock() }))
  evaluatorContract(`tabular on a ${name} clock`, async () => ({
    space,
    evaluator: await tabular(table).create({ space, rng: seeded(1), clock }),
  }))
