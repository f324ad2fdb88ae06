import { defineSpace, type EventDraft, memoryStore, oneOf, product, type SearchEvent } from 'archloom'

const space = defineSpace('staged', product({ op: oneOf('a', 'b', 'c', 'd') }))
const session = { budget: { maxTrials: 1 } }

const weights = (step: number, loss: number): EventDraft => ({ type: 'weights.progress', step, metrics: { loss } })
const policy = (step: number, entropy: number): EventDraft => ({
  type: 'policy.progress',
  step,
  metrics: { entropy, reward: step === 10 ? Number.NaN : 1 - entropy },
})
const stage = (index: number, name: string): EventDraft => ({
  type: 'stage.started',
  stage: name,
  index,
  facts: { options: 2 + 2 * index },
})

/** A one-shot method of two stages that was resumed in its second one, and a plugin that tells of its gates. */
export const staged: readonly EventDraft[] = [
  {
    type: 'search.started',
    archloom: '0.1.0',
    study: 'stages',
    space: { name: space.name, fingerprint: space.fingerprint, decisions: space.decisions },
    parts: { algorithm: 'staged' },
    objectives: [{ metric: 'accuracy', direction: 'maximise', weight: 1, scale: 1 }],
    ...session,
    seed: 1,
    concurrency: 1,
    commit: 'ordered',
  },
  stage(0, 'narrow'),
  weights(50, 2.3),
  weights(100, 1.9),
  policy(10, 0.69),
  policy(20, 0.6),
  stage(1, 'wide'),
  weights(150, 1.7),
  weights(200, 1.6),
  policy(30, 0.5),
  // The process died; the epoch is repeated.
  { type: 'search.resumed', trials: 0, ...session },
  stage(1, 'wide'),
  weights(150, 1.5),
  weights(200, 1.4),
  policy(30, 0.4),
  policy(40, 0.3),
  ...[0.9, 0.5, 0.1].map(
    (gate, i): EventDraft => ({
      type: 'plugin.event',
      plugin: 'pruner',
      name: 'gates',
      facts: { step: i, gate: [gate, 1 - gate], note: 'text', genotype: [i], pixels: new Array(17).fill(0) },
    }),
  ),
]

/** The study in memory. */
export async function stagedStore() {
  const store = memoryStore('stages')
  await store.append(staged.map((draft, seq): SearchEvent => ({ ...draft, seq, at: 60_000 * seq })))
  return store
}
