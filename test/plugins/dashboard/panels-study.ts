import { createSearch, definePlugin, type Json, memoryStore, readEvents } from 'archloom'
import { random } from 'archloom/plugins/random'
import { toySpace } from 'archloom/search-spaces/toy'

/** A PNG of one pixel. */
export const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

const facts: readonly (readonly [plugin: string, name: string, facts: Json])[] = [
  ...[0.9, 0.5, 0.1].map(
    (gate, step) => ['pruner', 'gates', { step, gate: [gate, 1 - gate], open: 1 + step }] as const,
  ),
  [
    'pruner',
    'pictures',
    {
      network: 0,
      images: [
        { name: 'bridge', picture: `data:image/png;base64,${PNG}`, psnr: 31.23456 },
        { name: '<b>lost</b>', picture: '/nowhere/lost.png' },
      ],
    },
  ],
  ['painter', 'samples', { step: 100, samples: 'artifact:samples.png', page: 'artifact:page.png' }],
  ['distributed', 'worker.joined', { worker: 'box-1 (4711)', size: 4 }],
  ['distributed', 'worker.joined', { worker: 'box-2 (4712)', size: 2 }],
  ['distributed', 'worker.lost', { worker: 'box-2 (4712)', seconds: 30 }],
  ['worker-pool', 'heartbeat', { pid: 12, megabytes: 310.5, trial: 3 }],
  ['worker-pool', 'heartbeat', { pid: 12, megabytes: 250, trial: 4 }],
  ['worker-pool', 'worker.died', { pid: 12, message: 'killed by SIGKILL' }],
]

/** A plugin that says how what it reports is shown. */
export const pruner = definePlugin({
  name: 'pruner',
  panels: [
    { kind: 'lines', title: 'Gates', about: 'How far each gate is open.', event: 'gates', metrics: ['gate'] },
    { kind: 'bars', title: 'Gates now', event: 'gates', values: 'gate' },
    { kind: 'images', title: 'Enlargements', event: 'pictures' },
    { kind: 'lines', title: 'Never reported', event: 'policy.progress', metrics: ['entropy'] },
  ],
  bind: () => {},
})

/** A study with declared panels, images of every kind and workers; the search itself goes on. */
export async function panelsStore() {
  const whole = memoryStore('panels')
  await using search = createSearch({
    space: toySpace(),
    evaluator: (_architecture, _request, { tell }) => {
      for (const [plugin, name, told] of facts) tell(name, told, plugin)
      return { accuracy: 1 }
    },
    plugins: [random(), pruner],
    objectives: { accuracy: 'maximise' },
    budget: { maxTrials: 1 },
    study: whole,
  })
  await search.finish()
  const store = memoryStore('panels')
  await store.append((await readEvents(whole)).filter(({ type }) => type !== 'search.finished'))
  await store.artifacts.write('samples.png', Buffer.from(PNG, 'base64'))
  await store.artifacts.write('page.png', Buffer.from('<script>alert(1)</script>'))
  return store
}
