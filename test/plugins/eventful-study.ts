import { defineSpace, type EventDraft, integer, memoryStore, oneOf, product, real, type SearchEvent } from 'archloom'

/** Text that is harmful where it is not escaped. */
export const HOSTILE = '</script><img src=x onerror=alert(1)> & "quoted" \u2028 ] ]>'

const space = defineSpace(
  'mixed',
  product({
    operation: oneOf('conv', HOSTILE, null, true, 2),
    shape: oneOf([3, 3], [5, 5]),
    width: integer(8, 64, { step: 8 }),
    depth: integer(1, 16, { scale: 'log' }),
    rate: real(1e-5, 1, { scale: 'log' }),
    drop: real(0, 0.5),
  }),
)

/** A minute apart from each other. */
const START = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

const genotypes = [
  [0, 0, 0, 0, 0.001, 0.25],
  [1, 1, 7, 15, 1, 0],
  [2, 0, 3, 2, 0.00001, 0.5],
  [3, 1, 1, 1, 0.1, 0.125],
  [4, 0, 2, 3, 0.01, 0.1],
  [0, 1, 4, 4, 0.02, 0.2],
  [1, 0, 5, 5, 0.03, 0.3],
]

const proposed = (trial: number, more: object = {}): EventDraft => ({
  type: 'trial.proposed',
  trial,
  genotype: genotypes[trial]!,
  architecture: space.decode(genotypes[trial]!) as never,
  seed: 100 + trial,
  ...more,
})
const completed = (trial: number, accuracy: number, latencyMs: number, more: object = {}): EventDraft => ({
  type: 'trial.completed',
  trial,
  genotype: genotypes[trial]!,
  metrics: { accuracy, latencyMs, loss: 1 - accuracy },
  reward: accuracy,
  feasible: latencyMs <= 10,
  ...(latencyMs > 10 && { violation: (latencyMs - 10) / 10 }),
  elapsedMs: 30_000,
  ...more,
})
const progress = (trial: number, step: number, metrics: Readonly<Record<string, number>>): EventDraft => ({
  type: 'trial.progress',
  trial,
  step,
  metrics,
})

const drafts: readonly EventDraft[] = [
  {
    type: 'search.started',
    archloom: '0.1.0',
    study: 'eventful',
    space: { name: space.name, fingerprint: space.fingerprint, decisions: space.decisions },
    parts: { evaluator: 'function', plugins: 'random' },
    objectives: [
      { metric: 'accuracy', direction: 'maximise', weight: 1, scale: 1 },
      { metric: 'latencyMs', direction: 'minimise', weight: 0, scale: 1, atMost: 10 },
    ],
    budget: { maxTrials: 7 },
    seed: 1,
    concurrency: 1,
    commit: 'ordered',
  },
  // 0: completed, with a curve that begins with NaN.
  proposed(0),
  progress(0, 1, { accuracy: Number.NaN }),
  progress(0, 2, { accuracy: 0.5, loss: 0.5 }),
  progress(0, 3, { accuracy: 0.75 }),
  completed(0, 0.75, 8),
  { type: 'controller.updated', trials: [0], diagnostics: {} },
  // 1: failed.
  proposed(1),
  {
    type: 'trial.failed',
    trial: 1,
    genotype: genotypes[1]!,
    reason: 'error',
    code: 'ARCHLOOM_EVALUATION_THREW',
    message: `no luck: ${HOSTILE}`,
    stack: `Error: no luck\n    at ${HOSTILE} (file.ts:1:2)`,
    elapsedMs: 1000,
  },
  // 2: pruned after a rung.
  proposed(2, { fidelity: 0.25 }),
  {
    type: 'trial.paused',
    trial: 2,
    genotype: genotypes[2]!,
    metrics: { accuracy: 0.25, latencyMs: 4 },
    reward: 0.25,
    feasible: true,
    fidelity: 0.25,
    rung: 0,
    elapsedMs: 5000,
  },
  {
    type: 'trial.pruned',
    trial: 2,
    genotype: genotypes[2]!,
    by: 'scheduler',
    rung: 0,
    fidelity: 0.25,
    metrics: { accuracy: 0.25, latencyMs: 4 },
    reward: 0.25,
    feasible: true,
    elapsedMs: 0,
  },
  // 3: completed in two rungs, and outside its bound.
  proposed(3, { fidelity: 0.5 }),
  {
    type: 'trial.paused',
    trial: 3,
    genotype: genotypes[3]!,
    metrics: { accuracy: 0.5, latencyMs: 12 },
    reward: 0.5,
    feasible: false,
    violation: 0.2,
    fidelity: 0.5,
    rung: 0,
    elapsedMs: 5000,
  },
  { type: 'trial.continued', trial: 3, rung: 1, fidelity: 1 },
  completed(3, 0.9, 12),
  // 4: on the front.
  proposed(4),
  completed(4, 0.6, 2),
  { type: 'plugin.event', plugin: 'painter', name: 'samples', facts: { file: 'samples.png' } },
  // 5 runs, 6 waits.
  proposed(5),
  progress(5, 1, { accuracy: 0.3 }),
  proposed(6, { enqueued: true }),
]

/** Events of every kind that an exporter or a page must know. */
export const eventful: readonly SearchEvent[] = drafts.map(
  (draft, seq) => ({ seq, ...draft, at: START + 60_000 * seq }) as SearchEvent,
)

/** The study in memory. */
export async function eventfulStore(name = 'eventful') {
  const store = memoryStore(name)
  await store.append(eventful)
  return store
}
