import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { statuses, type TrialRow, type TrialPage as TrialRows } from '../protocol.ts'
import { ask } from './asking.ts'
import { countText, durationText, numberText, wireText } from './format.ts'
import { Badge, Empty, Problem } from './parts.tsx'
import { go, studyPath, withQuery } from './route.ts'
import type { Known } from './study.tsx'

/** Pixels of a row, as in the style sheet. */
const ROW = 34
/** Rows that are asked for at once. */
const CHUNK = 100
/** Rows that are drawn beyond the visible ones. */
const SPARE = 12
/** Milliseconds between two looks at rows that may have changed. */
const AGAIN_MS = 1500

/** All trials of a study: the server sorts, filters and pages; only the visible rows are in the page. */
export function TrialsPage({ study, overview, seq, query }: Known & { readonly query: URLSearchParams }) {
  const objectives = overview.objectives.map(({ metric }) => metric)
  const metrics = [...new Set([...objectives, ...overview.metrics])].slice(0, 12)
  const sort = query.get('sort') ?? 'trial'
  const order = query.get('order') ?? 'ascending'
  const status = query.get('status') ?? ''
  const filter = query.get('filter') ?? ''
  const asked = new URLSearchParams({ sort, order, status, filter })
  const { rowAt, total, problem, show } = useRows(`/api${studyPath(study, 'trials')}?${asked}`, seq)
  const [typed, setTyped] = useState(filter)
  const columns = [
    { key: 'trial', name: 'Trial' },
    { key: 'status', name: 'Status' },
    ...metrics.map((metric) => ({ key: metric, name: metric })),
    { key: 'fidelity', name: 'Fidelity' },
    { key: 'rungs', name: 'Rungs' },
    { key: 'elapsed', name: 'Time' },
  ]
  const change = (changes: Readonly<Record<string, string | undefined>>) => go(withQuery(query, changes), true)
  return (
    <>
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault()
          change({ filter: typed })
        }}
      >
        <label class="field grow">
          <span>Filter</span>
          <input
            type="search"
            value={typed}
            placeholder={`${objectives[0] ?? 'accuracy'}>0.9`}
            aria-describedby="filter-help"
            onInput={(event) => setTyped(event.currentTarget.value)}
            onSearch={(event: Event & { readonly currentTarget: HTMLInputElement }) =>
              change({ filter: event.currentTarget.value })
            }
          />
        </label>
        <button type="submit">Apply</button>
        <label class="field">
          <span>Status</span>
          <select value={status} onChange={(event) => change({ status: event.currentTarget.value })}>
            <option value="">all</option>
            {statuses.map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </select>
        </label>
        <output class="muted">{total === undefined ? '' : `${countText(total)} trials`}</output>
      </form>
      <p class="muted small" id="filter-help">
        A metric and a number (<code>{objectives[0] ?? 'accuracy'}&gt;0.9</code>), a decision and its option (
        <code>{example(overview.decisions)}</code>), <code>reason=timeout</code>, or text of a genotype or a failure.
        All conditions must hold.
      </p>
      {problem && <Problem text={problem} />}
      {total === 0 && !problem && <Empty>No trial fits.</Empty>}
      <VirtualTable
        columns={columns}
        total={total ?? 0}
        show={show}
        head={(column) => {
          const isSorted = sort === column.key
          const next = isSorted && order === 'ascending' ? 'descending' : 'ascending'
          return (
            <th
              key={column.key}
              scope="col"
              aria-sort={isSorted ? (order === 'ascending' ? 'ascending' : 'descending') : 'none'}
              class={column.key === 'status' ? '' : 'number'}
            >
              <button type="button" onClick={() => change({ sort: column.key, order: next })}>
                {column.name}
                <span aria-hidden="true">{isSorted ? (order === 'ascending' ? ' ▲' : ' ▼') : ''}</span>
              </button>
            </th>
          )
        }}
        row={(i) => <Row key={i} index={i} study={study} row={rowAt(i)} metrics={metrics} />}
      />
    </>
  )
}

/** A condition on one of the study's own decisions. */
function example(decisions: Known['overview']['decisions']): string {
  const decision = decisions.find(({ options }) => options?.every((option) => !/\s/.test(option)))
  return decision ? `${decision.name}=${decision.options?.[0]}` : 'trial<100'
}

function Row({
  index,
  study,
  row,
  metrics,
}: {
  readonly index: number
  readonly study: string
  readonly row: TrialRow | undefined
  readonly metrics: readonly string[]
}) {
  if (!row)
    return (
      <tr aria-rowindex={index + 2}>
        <td colSpan={metrics.length + 5} class="muted">
          …
        </td>
      </tr>
    )
  return (
    <tr aria-rowindex={index + 2} class={row.feasible === false ? 'outside' : undefined}>
      <th scope="row" class="number">
        <a href={studyPath(study, 'trials', row.trial)}>{row.trial}</a>
      </th>
      <td>
        <Badge status={row.status} />
        {row.reason && <span class="muted small"> {row.reason}</span>}
        {row.feasible === false && <span class="muted small"> outside a bound</span>}
      </td>
      {metrics.map((metric) => (
        <td key={metric} class="number">
          {wireText(row.metrics[metric])}
        </td>
      ))}
      <td class="number">{numberText(row.fidelity)}</td>
      <td class="number">{row.rungs}</td>
      <td class="number">{row.elapsedMs === undefined ? '' : durationText(row.elapsedMs)}</td>
    </tr>
  )
}

interface VirtualTableProps<C> {
  readonly columns: readonly C[]
  readonly total: number
  readonly head: (column: C) => preact.JSX.Element
  readonly row: (index: number) => preact.JSX.Element
  readonly show: (from: number, to: number) => void
}

/** A table of which only the visible rows exist. */
function VirtualTable<C>({ columns, total, head, row, show }: VirtualTableProps<C>) {
  const place = useRef<HTMLElement>(null)
  const [view, setView] = useState({ from: 0, to: 40 })
  const look = () => {
    const element = place.current
    if (!element) return
    const from = Math.max(0, Math.floor(element.scrollTop / ROW) - SPARE)
    const to = Math.ceil((element.scrollTop + element.clientHeight) / ROW) + SPARE
    setView((known) => (known.from === from && known.to === to ? known : { from, to }))
  }
  useEffect(() => {
    look()
    const observer = new ResizeObserver(look)
    if (place.current) observer.observe(place.current)
    return () => observer.disconnect()
  }, [])
  const to = Math.min(total, view.to)
  const from = Math.min(view.from, Math.max(0, to - 1))
  // Rows are asked for at once, not after the next frame.
  useLayoutEffect(() => show(from, view.to))
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable, or the keyboard cannot scroll it.
    <section class="scroller tall" ref={place} onScroll={look} tabIndex={0} aria-label="Table of trials">
      <table class="rows fixed" aria-rowcount={total + 1}>
        <thead>
          <tr aria-rowindex={1}>{columns.map(head)}</tr>
        </thead>
        <tbody>
          {from > 0 && <tr class="spacer" style={{ height: `${from * ROW}px` }} />}
          {Array.from({ length: Math.max(0, to - from) }, (_, i) => row(from + i))}
          {to < total && <tr class="spacer" style={{ height: `${(total - to) * ROW}px` }} />}
        </tbody>
      </table>
    </section>
  )
}

type Rows = Map<number, { readonly rows: readonly TrialRow[]; readonly seq: number; readonly at: number }>

interface Chunks {
  readonly path: string
  readonly rows: Rows
  /** Those of the last question. */
  readonly before: Rows
}

/** Rows by their place, fetched in chunks as they are shown, and again when the study has changed. */
function useRows(path: string, seq: number) {
  const chunks = useRef<Chunks>({ path: '', rows: new Map(), before: new Map() })
  const waiting = useRef(new Set<number>())
  const range = useRef({ from: 0, to: 40 })
  const [known, setKnown] = useState<{ path: string; total?: number; problem?: string }>({ path })
  const latest = useRef({ path, seq })
  latest.current = { path, seq }
  if (chunks.current.path !== path) {
    // What was shown stays until the first answer, so that nothing flickers.
    chunks.current = { path, rows: new Map(), before: chunks.current.rows }
    waiting.current = new Set()
  }
  const load = async (chunk: number) => {
    const { path: asked, seq: asOf } = latest.current
    const mine = waiting.current
    if (mine.has(chunk)) return
    mine.add(chunk)
    try {
      const { rows, total } = await ask<TrialRows>(`${asked}&offset=${chunk * CHUNK}&limit=${CHUNK}`)
      if (latest.current.path !== asked) return
      chunks.current.rows.set(chunk, { rows, seq: asOf, at: performance.now() })
      setKnown({ path: asked, total })
    } catch (thrown) {
      if (latest.current.path === asked)
        setKnown({ path: asked, total: 0, problem: thrown instanceof Error ? thrown.message : String(thrown) })
    } finally {
      mine.delete(chunk)
    }
  }
  const show = (from: number, to: number) => {
    range.current = { from, to }
    for (let chunk = Math.floor(from / CHUNK); chunk <= Math.floor(Math.max(from, to - 1) / CHUNK); chunk++) {
      const have = chunks.current.rows.get(chunk)
      const isOld = have && have.seq !== latest.current.seq && performance.now() - have.at > AGAIN_MS
      const isBeyond = known.path === path && known.total !== undefined && chunk > 0 && chunk * CHUNK >= known.total
      if ((!have || isOld) && !isBeyond && !(known.path === path && known.problem !== undefined)) load(chunk)
    }
  }
  useEffect(() => {
    // Rows that changed while nothing was scrolled.
    const timer = setTimeout(() => show(range.current.from, range.current.to), AGAIN_MS + 50)
    return () => clearTimeout(timer)
  }, [seq, path])
  const { rows, before } = chunks.current
  const shown = rows.size > 0 ? rows : before
  return {
    total: known.total,
    problem: known.path === path ? known.problem : undefined,
    show,
    rowAt: (i: number) => shown.get(Math.floor(i / CHUNK))?.rows[i % CHUNK],
  }
}
