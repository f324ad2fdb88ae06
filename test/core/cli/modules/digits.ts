import { createSearch, definePlugin, defineSpace, oneOf, product, repeat, type StudyOptions } from 'archloom'

/** Takes `trialMs` for a trial; trial 1 fails; heeds its signal unless it is deaf. */
export const flags = {
  trials: { type: 'number', describe: 'how many' },
  trialMs: { type: 'number', describe: 'how long each' },
  deaf: { type: 'boolean', describe: 'ignores Ctrl-C' },
  order: { type: 'string', choices: ['up', 'down'], describe: 'direction' },
} as const

interface Options {
  readonly trials?: number
  readonly trialMs?: number
  readonly deaf?: boolean
  readonly order?: 'up' | 'down'
  readonly study?: StudyOptions
  readonly log?: (text: string) => void
}

export const space = defineSpace('digits', product({ digit: repeat(4, () => oneOf(0, 1, 2)) }))

export const search = ({ trials = 9, trialMs = 0, deaf = false, order = 'up', study = {}, log }: Options) => {
  log?.('composing')
  // biome-ignore lint/suspicious/noConsole: a module may print by itself; that must not mix with the result
  console.log('a word of the module')
  return createSearch({
    space,
    evaluator: async ({ digit }, { trial }, { signal, report }) => {
      const until = performance.now() + trialMs
      while (performance.now() < until) {
        await new Promise((resolve) => setTimeout(resolve, 5))
        if (!deaf) signal.throwIfAborted()
      }
      report(1, { loss: 1 })
      if (trial === 1) throw new Error('no luck')
      return { value: digit.reduce<number>((a, b) => a + b, 0) }
    },
    plugins: [
      definePlugin({
        name: 'any',
        provides: ['controller'],
        bind: ({ controller }) =>
          controller.to((space) => ({
            propose: (rng) => ({ genotype: space.random(rng) }),
            observe: () => ({}),
            snapshot: () => null,
            restore: () => {},
            [Symbol.dispose]() {},
          })),
      }),
    ],
    objectives: { value: order === 'up' ? 'maximise' : 'minimise' },
    budget: { maxTrials: trials },
    study,
  })
}

export const picture = ({ digit }: { digit: readonly number[] }) =>
  `digraph { ${digit.map((d, i) => `n${i} [label="${d}"]`).join(';')} }`
export const label = ({ digit }: { digit: readonly number[] }) => `<${digit.join('')}>`
export const conclude = async () => ({ testAccuracy: 0.5 })
