// Your own controller: hill climbing with restarts as a plugin. It has about forty lines and works on any space.
//     npx archloom run examples/custom-controller.ts
import { fileURLToPath } from 'node:url'
import { type ControllerFactory, createSearch, definePlugin, type Genotype, type StudyOptions } from 'archloom'
import { random } from 'archloom/plugins/random'
import { nasBench201Space } from 'archloom/search-spaces/nas-bench-201'

interface Climb {
  readonly genotype: Genotype
  readonly reward: number
}

/**
 * Mutates the best architecture of this climb; after `patience` proposals without a gain it starts again elsewhere.
 * Check a controller like this one with `controllerContract('hill climbing', hillClimbing())` from archloom/testing,
 * in a test file of yours.
 */
export const hillClimbing =
  ({ patience = 20 }: { patience?: number } = {}): ControllerFactory =>
  (space) => {
    let top: Climb | null = null
    let without = 0
    return {
      // The random generator is an argument, so that the same trial of the same study gets the same proposal.
      propose: (rng) => ({ genotype: top ? space.mutate(top.genotype, rng) : space.random(rng) }),
      observe(observations) {
        for (const { proposal, reward } of observations) {
          // A failed trial has no reward.
          const better = reward !== undefined && reward > (top?.reward ?? Number.NEGATIVE_INFINITY)
          without = better ? 0 : without + 1
          if (better) top = { genotype: proposal.genotype, reward }
          if (without >= patience) [top, without] = [null, 0]
        }
        return { withoutGain: without }
      },
      // All state is plain JSON, so that a resumed study continues where it stopped.
      [Symbol.dispose]() {},
    }
  }

export const climbing = (options: { patience?: number } = {}) =>
  definePlugin({
    name: 'hill-climbing',
    provides: ['controller'],
    needs: ['space'],
    options,
    bind: ({ controller }) => controller.to(hillClimbing(options)),
  })

interface Options {
  readonly trials?: number
  readonly directory?: string
  readonly log?: (text: string) => void
}

/** An artificial reward: a value for each operation, and one pair that helps only together. */
const value = { none: 0, skip_connect: 1, nor_conv_1x1: 2, nor_conv_3x3: 3, avg_pool_3x3: 1 } as const
function landscape(architecture: object) {
  const edges = JSON.stringify(architecture).match(
    /none|skip_connect|nor_conv_1x1|nor_conv_3x3|avg_pool_3x3/g,
  ) as (keyof typeof value)[]
  const together = edges[0] === 'skip_connect' && edges.at(-1) === 'skip_connect' ? 6 : 0
  return { accuracy: edges.reduce((sum, op) => sum + value[op], together) / 24 }
}

export async function main({ trials = 150, directory, log = console.log }: Options = {}) {
  const results: Record<string, number> = {}
  for (const plugin of [climbing(), random()]) {
    const study: StudyOptions = directory === undefined ? {} : { directory }
    await using search = createSearch({
      space: nasBench201Space(),
      evaluator: landscape,
      plugins: [plugin],
      objectives: { accuracy: 'maximise' },
      budget: { maxTrials: trials },
      seed: 1,
      study,
    })
    await search.finish()
    results[plugin.name] = search.best(1)[0]?.metrics.accuracy as number
    log(`${plugin.name}: best ${results[plugin.name]?.toFixed(3)} of 1 after ${trials} trials`)
  }
  return results
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
