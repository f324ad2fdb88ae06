/** Parts that break one law each: contracts.test.ts runs the contracts on them and expects that very law to fail. */
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import type { Controller, ControllerFactory } from '../../../core/controller.ts'
import type { Evaluator } from '../../../core/evaluator.ts'
import { type Random, seeded } from '../../../core/random.ts'
import type { SearchSpace } from '../../../core/space/index.ts'
import { memoryStore, type Store } from '../../../core/study/store.ts'
import {
  banditSpace,
  controllerContract,
  evaluatorContract,
  spaceContract,
  storeContract,
} from '../../../core/testing/index.ts'
import type { SearchEvent } from '../../../core/trial/events.ts'

const good = (space: SearchSpace): Controller => ({
  propose: (rng) => ({ genotype: space.random(rng) }),
  observe: () => ({}),
  [Symbol.dispose]: () => {},
})
const controller = (name: string, change: (space: SearchSpace, rng: Random) => Partial<Controller>) => {
  const factory: ControllerFactory = (space, rng) => ({ ...good(space), ...change(space, rng) })
  controllerContract(name, factory, { trials: 20, learns: name === 'learns nothing' ? {} : false })
}

let proposals = 0
controller('outside', (space) => ({ propose: () => ({ genotype: space.decisions.map(() => 99) }) }))
controller('hidden state', (space) => ({
  propose: (rng) => ({ genotype: space.random(rng.fork(proposals++)) }),
}))
controller('not finite', () => ({ observe: () => ({ loss: Number.NaN }) }))
controller('leaks', () => {
  tf.scalar(1)
  return {}
})
controller('fails with failures', () => ({
  observe: (observations) => {
    if (observations.every(({ reward }) => reward === undefined)) throw new Error('no rewards')
    return {}
  },
}))
controller('learns nothing', () => ({}))

const space = banditSpace(3, 3)
spaceContract('mutates in place', {
  ...space,
  size: space.size,
  mutate: (genotype) => {
    ;(genotype as number[])[0] = (genotype[0]! + 1) % 3
    return genotype
  },
})
spaceContract('counts wrong', { ...space, size: 26n })
spaceContract('offers too much', { ...space, size: space.size, allowed: () => [0, 1, 2, 3] })

const evaluator = (name: string, evaluate: Evaluator<{ readonly arm: readonly number[] }>['evaluate']) =>
  evaluatorContract(name, () => ({ space, evaluator: { kind: 'tabular', name, evaluate } }))
const noise = seeded(1)
evaluator('not repeatable', async () => ({ metrics: { accuracy: noise.float() } }))
evaluator('not a number', async () => ({ metrics: { accuracy: Number.NaN } }))
evaluator('keeps tensors', async () => {
  tf.scalar(1)
  return { metrics: { accuracy: 1 } }
})
evaluator('deaf to aborts', async (_request, { report }) => {
  for (let step = 0; step < 5; step++) report(step, { loss: 1 })
  return { metrics: { accuracy: 1 } }
})

const store = (name: string, change: (store: Store) => Partial<Store>) =>
  storeContract(name, () => ({ open: () => ({ ...memoryStore(), ...change(memoryStore()) }) }), { persistent: false })
store('reverses', (inner) => ({
  append: inner.append,
  async *read() {
    for await (const events of inner.read()) yield [...events].reverse()
  },
}))
store('shares', () => {
  const events: SearchEvent[] = []
  return {
    append: (more) => void events.push(...more),
    async *read() {
      yield events
    },
  }
})
storeContract('recalls too much', () => {
  const inner = memoryStore()
  let kept: { readonly events: number; readonly list: readonly object[] } | undefined
  const snapshot: Store['snapshot'] = {
    keep(events, parts) {
      kept = { events, list: [...parts] }
    },
    async recall() {
      if (!kept) return undefined
      const { events, list } = kept
      const parts = (async function* () {
        yield* list
      })()
      return { events, parts, rest: () => inner.read() }
    },
  }
  return { open: () => ({ ...inner, snapshot }) }
})
storeContract('forgets on close', () => ({ open: () => memoryStore() }))
