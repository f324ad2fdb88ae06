/** D1, D2, D3, D5 and D6 over seeds, as claims. */

import { type Claim, inWords } from '../../../core/reproduction.ts'
import { regretOf } from './controller.ts'
import { claim, type Log, type Named } from './forms.ts'
import { disturbanceOf, interleavedOf, rankedChoices, rankingOf, standAlone } from './synthetic.ts'
import { allChoices, type Update, updates } from './task.ts'

type Run = { readonly seeds: readonly number[]; readonly log: Log; readonly signal: AbortSignal | undefined }

/** Lists of numbers by name, in order of their first mention. */
function tally<K extends string>(...keys: K[]) {
  const lists = new Map<string, Record<K, number[]>>()
  const of = (name: string) => {
    const found =
      lists.get(name) ?? (Object.fromEntries(keys.map((key) => [key, []])) as unknown as Record<K, number[]>)
    lists.set(name, found)
    return found
  }
  return { of, named: (name: string, key: K): Named => [name, of(name)[key]] }
}

/** Trained projected, a later architecture may learn this many points less than it does by plain descent. */
const PLASTICITY = 2

/** D1 and D6: points lost by the earlier ones of four architectures, and what each learns. */
export async function inTurn({ seeds, log, signal }: Run): Promise<Claim[]> {
  const { sgd, mean, strict, loose, outputs } = updates
  const results = tally('drop', 'learnt')
  const kinds: readonly Update[] = [sgd, mean, strict, loose, outputs]
  for (const update of kinds) {
    const freedoms: (readonly number[])[] = []
    for (const seed of seeds) {
      const { drop, learnt, freedom } = await disturbanceOf(update, seed, signal)
      results.of(update.name).drop.push(drop)
      results.of(update.name).learnt.push(learnt)
      freedoms.push(freedom)
    }
    const { drop, learnt } = results.of(update.name)
    const meanAt = (turn: number) => freedoms.reduce((sum, own) => sum + own[turn]!, 0) / freedoms.length
    const trace = freedoms[0]?.map((_, turn) => meanAt(turn).toFixed(3))
    log(`D1 ${update.name}: drop ${inWords(drop)} points, learnt ${inWords(learnt)} %, trace(P)/d ${trace?.join(' ')}`)
  }
  const lost = 'accuracy points lost by earlier architectures'
  const plain = results.named(sgd.name, 'drop')
  return [
    ...[mean, strict, loose].flatMap(({ name }) => [
      claim('D1', lost, 'minimise', plain, results.named(name, 'drop'), (x) => x <= 1),
      claim(
        'D1 plasticity',
        'accuracy right after own training, %',
        'maximise',
        results.named(sgd.name, 'learnt'),
        results.named(name, 'learnt'),
        (x, y) => x >= y - PLASTICITY,
      ),
    ]),
    // Projected on the side of the outputs, the loss comes back.
    claim('D6', lost, 'maximise', plain, results.named(outputs.name, 'drop'), (x, y) => x >= y / 2),
  ]
}

/** D2: the order of eight architectures by shared weights, against each trained alone. */
export async function ranked({ seeds, log, signal }: Run): Promise<Claim[]> {
  const { sgd, mean, strict, loose } = updates
  const results = tally('tau', 'drop')
  for (const seed of seeds) {
    const alone = await standAlone(rankedChoices(seed), seed, signal)
    for (const update of [sgd, mean, strict, loose]) {
      const { tau, drop, worst } = await rankingOf(update, seed, alone, signal)
      results.of(update.name).tau.push(tau)
      results.of(update.name).drop.push(drop)
      log(`D2 seed ${seed}, ${update.name}: τ ${tau.toFixed(3)}, drop ${drop.toFixed(2)}, worst ${worst.toFixed(2)}`)
    }
  }
  for (const { name } of [sgd, mean, strict, loose])
    log(`D2 ${name}: τ ${inWords(results.of(name).tau, 3)}, drop ${inWords(results.of(name).drop)}`)
  const metric = 'Kendall τ against stand-alone training'
  return [mean, strict, loose].map(({ name }) =>
    claim(
      ...(['D2', metric, 'maximise', results.named(sgd.name, 'tau'), results.named(name, 'tau')] as const),
      (x, y) => x >= 0.69 && x > y,
    ),
  )
}

/** D3, where nothing is claimed: rapid interleaving, in which projection costs more than it saves. And D5. */
export async function interleaved({ seeds, log, signal }: Run, controllerSeeds: readonly number[]): Promise<Claim[]> {
  const { sgd, loose } = updates
  const forms = [
    sgd,
    { ...loose, name: 'second moment, α = 1, reset every 10' },
    { ...loose, name: 'second moment, α = 1, never reset', release: 0 },
    { ...loose, name: 'second moment, α = 1, reset every 10, warm-up 75', warmUp: 75 },
  ]
  const results = tally('tau', 'accuracy')
  const regrets = tally('regret')
  for (const seed of new Set([...seeds, ...controllerSeeds])) {
    const alone = await standAlone(allChoices, seed, signal)
    if (seeds.includes(seed))
      for (const form of forms) {
        const { tau, accuracy } = await interleavedOf(form, seed, alone, signal)
        results.of(form.name).tau.push(tau)
        results.of(form.name).accuracy.push(accuracy)
      }
    if (controllerSeeds.includes(seed))
      for (const update of [sgd, loose]) {
        const regret = await regretOf(update, seed, alone, signal)
        regrets.of(update.name).regret.push(regret)
        log(`D5 seed ${seed}, ${update.name}: regret ${regret.toFixed(2)} points`)
      }
  }
  for (const { name } of forms)
    if (seeds.length > 0)
      log(
        `D3 ${name}: τ ${inWords(results.of(name).tau, 3)}, one-shot accuracy ${inWords(results.of(name).accuracy, 1)} %`,
      )
  const claims = seeds.length === 0 ? [] : forms.slice(1)
  return [
    ...claims.map(({ name }) =>
      claim(
        'D3',
        'Kendall τ, rapid interleaving',
        'maximise',
        results.named(sgd.name, 'tau'),
        results.named(name, 'tau'),
      ),
    ),
    ...(controllerSeeds.length === 0
      ? []
      : [
          claim(
            ...(['D5', 'regret of the derived architecture, points', 'minimise'] as const),
            ...([regrets.named(sgd.name, 'regret'), regrets.named(loose.name, 'regret')] as const),
            (x, y) => x <= y,
          ),
        ]),
  ]
}
