import { useEffect, useState } from 'preact/hooks'
import type { ComparedStudy, StudyLine, TrialDetail } from '../protocol.ts'
import { ArchitectureDrawings } from './architecture/drawing.tsx'
import { leavesOf } from './architecture/graph-of.ts'
import { ask, useAnswer } from './asking.ts'
import { BandChart } from './band-chart.tsx'
import { bandsOf, groupsOf } from './bands.ts'
import { countText, numberText } from './format.ts'
import { Card, Empty, Problem, Scroller, Select } from './parts.tsx'
import { go, studyPath, withQuery } from './route.ts'

const EVERY_MS = 3000

/** Several studies beside each other, and the difference between two architectures. */
export function ComparePage({ query }: { readonly query: URLSearchParams }) {
  const list = useAnswer<{ studies: readonly StudyLine[] }>('/api/studies')
  const chosen = (query.get('studies') ?? '').split(',').filter(Boolean)
  const metric = query.get('metric') ?? undefined
  const by = query.get('by') === 'study' ? 'study' : query.get('by') === 'method' ? 'method' : 'name'
  const { studies, problem } = useStudies(chosen, metric)
  const readable = (list.data?.studies ?? []).filter((line) => line.problem === undefined)
  const change = (changes: Readonly<Record<string, string | undefined>>) => go(withQuery(query, changes), true)
  const metrics = [...new Set(studies.flatMap((study) => study.metrics))]
  const groups = groupsOf(studies, by)
  const [first] = studies
  return (
    <>
      <h1>Compare</h1>
      <div class="grid">
        <Card title="Studies" wide>
          {list.problem && <Problem text={list.problem} />}
          {list.data && readable.length === 0 && <Empty>No study is here yet.</Empty>}
          <div class="checks">
            {readable.map(({ study, trials = 0 }) => (
              <label key={study}>
                <input
                  type="checkbox"
                  checked={chosen.includes(study)}
                  onChange={(event) =>
                    change({
                      studies: (event.currentTarget.checked
                        ? [...chosen, study]
                        : chosen.filter((each) => each !== study)
                      ).join(','),
                    })
                  }
                />
                {study} <span class="muted small">{countText(trials)} trials</span>
              </label>
            ))}
          </div>
        </Card>
        <Card
          title="Best so far"
          wide
          aside={
            <div class="fields">
              {metrics.length > 1 && (
                <Select
                  label="Metric"
                  value={metric ?? first?.metric ?? ''}
                  options={metrics}
                  onChange={(value) => change({ metric: value })}
                />
              )}
              <Select
                label="One band for each"
                value={by}
                options={[
                  ['name', 'name without its number'],
                  ['method', 'method'],
                  ['study', 'study'],
                ]}
                onChange={(value) => change({ by: value })}
              />
            </div>
          }
        >
          {problem && <Problem text={problem} />}
          {chosen.length === 0 && <Empty>Choose studies above.</Empty>}
          {chosen.length > 0 && studies.length === 0 && !problem && <Empty>Reading the studies …</Empty>}
          {studies.length > 0 && first && (
            <>
              <BandChart metric={first.metric} direction={first.direction} bands={bandsOf(groups)} />
              <Scroller label="Table of compared studies">
                <table class="rows">
                  <thead>
                    <tr>
                      <th scope="col">Study</th>
                      <th scope="col">Method</th>
                      <th scope="col">Space</th>
                      <th scope="col" class="number">
                        Seed
                      </th>
                      <th scope="col" class="number">
                        Trials
                      </th>
                      <th scope="col" class="number">
                        Best {first.metric}
                      </th>
                      <th scope="col" class="number">
                        Found at trial
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    {studies.map((study) => (
                      <tr key={study.study}>
                        <th scope="row">
                          <a href={studyPath(study.study)}>{study.study}</a>
                        </th>
                        <td>{study.method}</td>
                        <td>{study.space}</td>
                        <td class="number">{study.seed}</td>
                        <td class="number">{countText(study.trials)}</td>
                        <td class="number">
                          {study.best.value.length > 0 ? numberText(study.best.value.at(-1) ?? 0) : ''}
                        </td>
                        <td class="number">{study.best.trial.at(-1) ?? ''}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </Scroller>
            </>
          )}
        </Card>
        <Difference query={query} studies={studies} />
      </div>
    </>
  )
}

/** The compared studies, looked at again every few seconds. */
function useStudies(names: readonly string[], metric: string | undefined) {
  const [known, setKnown] = useState<{ studies: readonly ComparedStudy[]; problem?: string }>({ studies: [] })
  const key = JSON.stringify([names, metric])
  useEffect(() => {
    let isOver = false
    let timer: ReturnType<typeof setTimeout>
    const load = async () => {
      try {
        const asked = metric === undefined ? '' : `?metric=${encodeURIComponent(metric)}`
        const studies = await Promise.all(
          names.map((name) => ask<ComparedStudy>(`/api${studyPath(name, 'compared')}${asked}`)),
        )
        if (!isOver) setKnown({ studies })
      } catch (thrown) {
        if (!isOver) setKnown({ studies: [], problem: thrown instanceof Error ? thrown.message : String(thrown) })
      }
      if (!isOver && names.length > 0) timer = setTimeout(load, EVERY_MS)
    }
    load()
    return () => {
      isOver = true
      clearTimeout(timer)
    }
  }, [key])
  return known
}

/** Two trials of the compared studies, decision by decision. */
function Difference({
  query,
  studies,
}: {
  readonly query: URLSearchParams
  readonly studies: readonly ComparedStudy[]
}) {
  const options = studies.map(({ study }) => study)
  const side = (name: 'a' | 'b', otherwise: number) => {
    const [study = options[otherwise] ?? options[0] ?? '', number] = (query.get(name) ?? '').split('/')
    const chosen = options.includes(study) ? study : (options[otherwise] ?? options[0] ?? '')
    const best = studies.find((each) => each.study === chosen)?.best.trial.at(-1) ?? 0
    return { study: chosen, trial: number !== undefined && /^\d+$/.test(number) ? Number(number) : best }
  }
  const [a, b] = [side('a', 0), side('b', 1)]
  const pathOf = ({ study, trial }: typeof a) => (study === '' ? undefined : `/api${studyPath(study, 'trials', trial)}`)
  const left = useAnswer<TrialDetail>(pathOf(a))
  const right = useAnswer<TrialDetail>(pathOf(b))
  if (options.length === 0) return null
  const pick = (name: 'a' | 'b', to: typeof a) => go(withQuery(query, { [name]: `${to.study}/${to.trial}` }), true)
  const field = (name: 'a' | 'b', { study, trial }: typeof a) => (
    <div class="fields" key={name}>
      <Select
        label={name === 'a' ? 'First study' : 'Second study'}
        value={study}
        options={options}
        onChange={(value) =>
          pick(name, { study: value, trial: studies.find((each) => each.study === value)?.best.trial.at(-1) ?? 0 })
        }
      />
      <label class="field">
        <span>Trial</span>
        <input
          type="number"
          min="0"
          value={trial}
          onChange={(event) => pick(name, { study, trial: Math.max(0, event.currentTarget.valueAsNumber || 0) })}
        />
      </label>
    </div>
  )
  const differing = left.data && right.data ? difference(left.data, right.data) : undefined
  return (
    <Card title="Two architectures" wide>
      <div class="pair">
        {field('a', a)}
        {field('b', b)}
      </div>
      {left.problem && <Problem text={left.problem} />}
      {right.problem && <Problem text={right.problem} />}
      {differing && (
        <>
          <p>
            {differing.rows.length === 0
              ? 'The architectures are equal.'
              : `${differing.rows.length} of ${differing.of} values differ.`}
          </p>
          {differing.rows.length > 0 && (
            <Scroller label="Differing values">
              <table class="rows">
                <thead>
                  <tr>
                    <th scope="col">Value</th>
                    <th scope="col">
                      {a.study}, trial {a.trial}
                    </th>
                    <th scope="col">
                      {b.study}, trial {b.trial}
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {differing.rows.map(([path, one, other]) => (
                    <tr key={path}>
                      <th scope="row">
                        <code>{path}</code>
                      </th>
                      <td>{one ?? '—'}</td>
                      <td>{other ?? '—'}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroller>
          )}
          <div class="pair">
            {[left.data, right.data].map(
              (trial, i) =>
                trial && (
                  <div key={i}>
                    <ArchitectureDrawings architecture={trial.architecture} />
                  </div>
                ),
            )}
          </div>
        </>
      )}
    </Card>
  )
}

function difference(a: TrialDetail, b: TrialDetail) {
  const left = new Map(leavesOf(a.architecture))
  const right = new Map(leavesOf(b.architecture))
  const paths = [...new Set([...left.keys(), ...right.keys()])]
  const rows = paths.flatMap((path): [string, string | undefined, string | undefined][] =>
    left.get(path) === right.get(path) ? [] : [[path, left.get(path), right.get(path)]],
  )
  return { rows, of: paths.length }
}
