/**
 * Zero-cost proxies of networks of NAS-Bench-201 that are built here, against the benchmark's test accuracy, beside
 * published values of the same proxies for the same architectures. Needs ARCHLOOM_DATA.
 *   npm run bench -- zero-cost [--networks 100] [--cells 5] [--batch 32] [--csv scores.csv] [--json]
 * Spearman's ρ with mean ranks for ties, Kendall's τ-b. The networks are a random sample of the published architectures, and
 * a smaller sample is the beginning of a larger one. With --csv, a run that was stopped continues where it was. Some published
 * values are missing: the comparison with a published proxy is over the networks that have one.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gunzipSync } from 'node:zlib'
import Papa from 'papaparse'
import type { Bench, BenchResult } from '../../core/cli/commands/bench.ts'
import { seeded } from '../../core/index.ts'
import { replaceFileSync } from '../../core/node/files.ts'
import { useEngine } from '../../core/tensor/index.ts'
import { cifar10 } from '../../evaluators/data/index.ts'
import { nasBench201Table } from '../../evaluators/tabular/index.ts'
import { kendallTau, spearman } from '../../evaluators/weight-sharing/index.ts'
import { zeroCostProxies, zeroCostScores } from '../../evaluators/zero-cost/index.ts'
import { genotypeOfIndex, nasBench201Space } from '../../search-spaces/nas-bench-201/index.ts'

export interface ZeroCostBenchOptions {
  readonly networks?: number
  /** Cells of each stage. Default: 5, as in the networks that the benchmark trained. */
  readonly cells?: number
  readonly batch?: number
  /** A file that keeps the scores of every network; scores that are in it are not taken again. */
  readonly csv?: string
  readonly log?: (line: string) => void
}

/** Names of the published columns. */
const published: Readonly<Record<string, string>> = {
  parameters: 'params',
  multiplyAdds: 'flops',
  gradNorm: 'grad_norm',
  naswot: 'nwot',
  synflow: 'synflow',
  snip: 'snip',
  grasp: 'grasp',
  fisher: 'fisher',
  jacov: 'jacov',
}
const PUBLISHED = 'nb201_zerocost.csv.gz'

type Row = Readonly<Record<string, string>>

function publishedRows(): readonly Row[] {
  const file = join(process.env.ARCHLOOM_DATA ?? '', 'nas', PUBLISHED)
  const text = gunzipSync(readFileSync(file), { maxOutputLength: 2 ** 28 }).toString()
  return Papa.parse<Row>(text, { header: true, skipEmptyLines: true }).data.filter(
    ({ dataset }) => dataset === 'cifar10',
  )
}

/** What is not a number in any order comes last. */
const ordered = (values: readonly number[]) => {
  const least = Math.min(...values.filter(Number.isFinite)) - 1
  return values.map((value) => (Number.isFinite(value) ? value : least))
}

export async function run(options: ZeroCostBenchOptions = {}): Promise<Bench> {
  const { log = () => {}, csv } = options
  const [networks, cells, batchSize] = [options.networks ?? 100, options.cells ?? 5, options.batch ?? 32].map(
    Number,
  ) as [number, number, number]
  const rows = publishedRows()
  const chosen = seeded(1).fork('networks').shuffle(rows).slice(0, networks)
  const space = nasBench201Space({ cells })
  const whole = nasBench201Space()
  const table = nasBench201Table({ protocol: 'oracle' })
  const known = new Map(
    csv !== undefined && existsSync(csv)
      ? Papa.parse<Row>(readFileSync(csv, 'utf8'), { header: true, skipEmptyLines: true }).data.map((row) => [
          row.index!,
          row,
        ])
      : [],
  )
  await useEngine('auto')
  const { train } = await cifar10()
  const [batch] = train.batches({ batchSize, rng: seeded(1) })
  const began = process.cpuUsage()
  const save = () => {
    if (csv !== undefined) replaceFileSync(csv, `${Papa.unparse([...known.values()], { newline: '\n' })}\n`)
  }
  for (const [k, { index }] of chosen.entries()) {
    const before = known.get(index!)
    const proxies = zeroCostProxies.filter((proxy) => !before?.[proxy])
    if (proxies.length === 0) continue
    using network = space.build!(space.decode(genotypeOfIndex(Number(index))), {
      input: train.inputShape,
      classes: train.classes,
      rng: seeded(Number(index)),
    })
    const scores = await zeroCostScores(network, { proxies, batch, seed: Number(index) })
    known.set(index!, {
      ...before,
      index: index!,
      ...Object.fromEntries(Object.entries(scores).map(([n, v]) => [n, String(v)])),
    })
    if (k % 10 !== 9) continue
    save()
    log(`${k + 1} of ${chosen.length} networks`)
  }
  save()
  const { user, system } = process.cpuUsage(began)
  batch!.inputs.dispose()
  batch!.targets.dispose()
  log(
    `${chosen.length} networks with ${cells} cells per stage, ${batchSize} images; ` +
      `${((user + system) / 6e7).toFixed(1)} minutes of processor time in this run`,
  )
  const accuracy = chosen.map(
    ({ index }) => table.lookup(whole.decode(genotypeOfIndex(Number(index))), 1).metrics.testAccuracy!,
  )
  const results = zeroCostProxies.map((proxy): BenchResult & { readonly kendall: number } => {
    const scores = ordered(chosen.map(({ index }) => Number(known.get(index!)![proxy])))
    const value = spearman(scores, accuracy)
    const kendall = kendallTau(scores, accuracy)
    const column = published[proxy]
    const there = column ? [...chosen.keys()].filter((k) => chosen[k]![column] !== '') : []
    const [ours, theirs, reached] = [
      there.map((k) => scores[k]!),
      ordered(there.map((k) => Number(chosen[k]![column!]))),
      there.map((k) => accuracy[k]!),
    ]
    const other = column && {
      spearman: spearman(theirs, reached),
      kendall: kendallTau(theirs, reached),
      own: spearman(ours, reached),
    }
    log(
      `${proxy}: Spearman ${value.toFixed(3)}, Kendall τ-b ${kendall.toFixed(3)}` +
        (other
          ? `; of the ${there.length} networks with a published value ours ${other.own.toFixed(3)}, published ` +
            `${other.spearman.toFixed(3)} (τ-b ${other.kendall.toFixed(3)}); ours against the published ` +
            spearman(ours, theirs).toFixed(3)
          : ''),
    )
    return {
      name: proxy,
      value,
      kendall,
      unit: 'Spearman ρ',
      ...(other && { reference: `published values of ${there.length} networks`, ratio: other.own / other.spearman }),
    }
  })
  return { bench: 'zero-cost', results }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  console.log(JSON.stringify(await run({ log: (line) => console.error(line) })))
