import { defineSpace, type EventDraft, memoryStore, oneOf, product, type SearchEvent, seeded } from 'archloom'

export interface MeasuredTrial {
  readonly trial: number
  readonly genotype: readonly number[]
  readonly accuracy: number
  readonly cost: number
}

/** A finished study of many trials with two objectives, drawn at random from a seed. */
export function measuredStudy(trials: number, name = 'measured') {
  const space = defineSpace(
    'measured',
    product({ layer: product({ op: oneOf('a', 'b', 'c') }), width: oneOf(8, 16, 32), depth: oneOf(1, 2, 3, 4) }),
  )
  const rng = seeded(7)
  const atMost = 80
  const store = memoryStore(name)
  const all: MeasuredTrial[] = []
  let seq = 0
  const events: SearchEvent[] = []
  const add = (draft: EventDraft) => {
    events.push({ seq, ...draft, at: Date.UTC(2026, 0, 1) + 500 * seq++ } as SearchEvent)
  }
  add({
    type: 'search.started',
    archloom: '0.1.0',
    study: name,
    space: { name: space.name, fingerprint: space.fingerprint, decisions: space.decisions },
    parts: { evaluator: 'function', plugins: 'random' },
    objectives: [
      { metric: 'accuracy', direction: 'maximise', weight: 1, scale: 1 },
      { metric: 'cost', direction: 'minimise', weight: 0, scale: 1, atMost },
    ],
    budget: { maxTrials: trials },
    seed: 7,
    concurrency: 1,
    commit: 'ordered',
  })
  for (let trial = 0; trial < trials; trial++) {
    const genotype = [rng.int(3), rng.int(3), rng.int(4)]
    const cost = 1 + 99 * rng.float()
    const accuracy = 0.5 + 0.45 * Math.sqrt(rng.float()) * (0.4 + 0.006 * cost)
    all.push({ trial, genotype, accuracy, cost })
    add({ type: 'trial.proposed', trial, genotype, architecture: space.decode(genotype) as never, seed: trial })
    add({
      type: 'trial.completed',
      trial,
      genotype,
      metrics: { accuracy, cost },
      reward: accuracy,
      feasible: cost <= atMost,
      ...(cost > atMost && { violation: cost / atMost - 1 }),
      elapsedMs: 400,
    })
  }
  add({ type: 'search.finished', reason: 'trials', trials, elapsedMs: 1000 * trials })
  store.append(events)
  return { store, trials: all, atMost, space, events }
}
