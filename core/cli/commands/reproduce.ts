import { fileURLToPath } from 'node:url'
import type { Baseline, ReproduceOptions, Reproduction, Scale } from '../../reproduction.ts'
import { error } from '../errors.ts'
import { onInterrupt } from '../interrupt.ts'
import { experimentNames, experimentOf } from '../names.ts'
import { type Output, widthOf } from '../output.ts'
import { durationText, numberText, tableText } from '../text.ts'

interface ExperimentModule {
  readonly reproduce?: (options: ReproduceOptions) => Promise<Reproduction>
}

async function experimentNamed(paper: string): Promise<Required<ExperimentModule>> {
  const known = experimentNames()
  if (!known.includes(paper)) throw error('ARCHLOOM_EXPERIMENT_UNKNOWN', { paper, known })
  const place = experimentOf(paper)
  const { reproduce } = (await import(place.href)) as ExperimentModule
  if (typeof reproduce !== 'function')
    throw error('ARCHLOOM_MODULE_EXPORTS', {
      file: fileURLToPath(place),
      received: [],
      expected: 'reproduce(options)',
    })
  return { reproduce }
}

export interface ReproduceCommand {
  readonly scale: Scale
  readonly seed: number
  readonly data?: string | undefined
  readonly output: Output
}

/** `archloom reproduce <paper>`: compares the claims of a paper with their baselines under the same budget. */
export async function reproduce(paper: string, { scale, seed, data, output }: ReproduceCommand): Promise<number> {
  const experiment = await experimentNamed(paper)
  if (data !== undefined) process.env.ARCHLOOM_DATA = data
  const stop = new AbortController()
  using _signals = onInterrupt({ stop: () => stop.abort('interrupted'), say: output.note })
  const found = await experiment.reproduce({
    scale,
    seed,
    ...(data !== undefined && { data }),
    log: output.note,
    signal: stop.signal,
  })
  output.log(claimsTable(found, widthOf(output.reader, 160)))
  output.log(`\nscale ${found.scale}, seed ${found.seed}, ${durationText(1000 * found.seconds)}`)
  output.result(found)
  return found.claims.every(({ holds }) => holds) ? 0 : 1
}

const measuredText = ({ mean, sd, seeds }: Omit<Baseline, 'name'>) =>
  `${numberText(mean)}${sd === undefined ? '' : ` ± ${numberText(sd)}`}${seeds === undefined ? '' : ` (${seeds})`}`

function claimsTable({ claims }: Reproduction, width: number): string {
  return tableText(
    ['claim', 'metric', 'published', 'baseline', 'ours', 'verdict'],
    claims.map(({ id, metric, direction, published, baseline, ours, holds }) => [
      id,
      `${metric} (${direction})`,
      published === null ? 'n/a' : numberText(published),
      baseline ? `${baseline.name} ${measuredText(baseline)}` : 'n/a',
      measuredText(ours),
      holds ? 'holds' : 'does not hold',
    ]),
    width,
  )
}
