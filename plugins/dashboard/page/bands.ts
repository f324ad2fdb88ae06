import type { ComparedStudy } from '../protocol.ts'

export interface Band {
  readonly name: string
  readonly studies: number
  readonly trial: readonly number[]
  readonly median: readonly (number | null)[]
  readonly low: readonly (number | null)[]
  readonly high: readonly (number | null)[]
}

/** Studies by method, by their name without a number at its end, or each by itself. */
export function groupsOf(
  studies: readonly ComparedStudy[],
  by: 'name' | 'method' | 'study',
): ReadonlyMap<string, readonly ComparedStudy[]> {
  const groups = new Map<string, ComparedStudy[]>()
  for (const study of studies) {
    const stem = study.study.replace(/[-_.]?(seed)?[-_.]?\d+$/i, '') || study.study
    const key = by === 'study' ? study.study : by === 'method' ? study.method || study.study : stem
    groups.set(key, [...(groups.get(key) ?? []), study])
  }
  return groups
}

const SHOWN = 300

/** Median, least and greatest best-so-far of each group by trial, as far as all of its studies go. */
export function bandsOf(groups: ReadonlyMap<string, readonly ComparedStudy[]>): readonly Band[] {
  const most = Math.max(1, ...[...groups.values()].flat().map(({ trials }) => trials))
  const trial = [...new Set(Array.from({ length: SHOWN }, (_, i) => Math.round((i * (most - 1)) / (SHOWN - 1))))]
  return [...groups].map(([name, studies]) => {
    const values = trial.map((number) => {
      if (studies.some(({ trials }) => number >= trials)) return undefined
      const known = studies.map(({ best }) => valueAt(best, number)).filter((value) => value !== undefined)
      return known.length === studies.length ? known.sort((a, b) => a - b) : undefined
    })
    return {
      name,
      studies: studies.length,
      trial,
      median: values.map((sorted) => (sorted ? medianOf(sorted) : null)),
      low: values.map((sorted) => sorted?.[0] ?? null),
      high: values.map((sorted) => sorted?.at(-1) ?? null),
    }
  })
}

function valueAt({ trial, value }: ComparedStudy['best'], number: number): number | undefined {
  let found: number | undefined
  for (let i = 0; i < trial.length && trial[i]! <= number; i++) found = value[i]
  return found
}

const medianOf = (sorted: readonly number[]): number => {
  const middle = (sorted.length - 1) / 2
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2
}
