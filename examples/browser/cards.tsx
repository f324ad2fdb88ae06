import {
  ArchitectureDrawings,
  ask,
  Card,
  Empty,
  Fact,
  go,
  Problem,
  Select,
  studyPath,
  wireText,
} from 'archloom/plugins/dashboard/page'
import { useEffect, useState } from 'preact/hooks'
import { isBusy, journalOf, listen, type Run, runOf, start, stop } from './runs.ts'
import { engines, type Strategy, strategies, type Task, tasks, type Wanted } from './searches.ts'

type Detail = Awaited<ReturnType<typeof bestOf>>

/** Draws anew when a search of the page changes. */
function useRuns(): void {
  const [, setTurn] = useState(0)
  useEffect(() => listen(() => setTurn((turn) => turn + 1)), [])
}

const names: Readonly<Record<Task, string>> = {
  table: 'an invented table',
  training: 'training networks',
}
const usual: Readonly<Record<Task, number>> = { table: 200, training: 12 }

/** What to search, and the button that starts it. */
export function StartCard({ known }: { readonly known: Wanted | undefined }) {
  useRuns()
  const [wanted, setWanted] = useState<Wanted>(known ?? { task: 'table', strategy: 'evolution', trials: 200, seed: 1 })
  const [problem, setProblem] = useState('')
  const change = (changes: Partial<Wanted>) => setWanted((before) => ({ ...before, ...changes }))
  const begin = async () => {
    setProblem('')
    try {
      go(studyPath(await start(wanted)))
    } catch (thrown) {
      setProblem(thrown instanceof Error ? thrown.message : String(thrown))
    }
  }
  return (
    <Card title="New search" wide>
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault()
          begin()
        }}
      >
        <Select
          label="Evaluate by"
          value={wanted.task}
          options={tasks.map((task) => [task, names[task]] as const)}
          onChange={(task) => change({ task: task as Task, trials: usual[task as Task] })}
        />
        <Select
          label="Strategy"
          value={wanted.strategy}
          options={strategies}
          onChange={(strategy) => change({ strategy: strategy as Strategy })}
        />
        {wanted.task === 'training' && (
          <Select
            label="Engine"
            value={wanted.engine ?? engines[0]}
            options={engines}
            onChange={(engine) => change({ engine: engine as (typeof engines)[number] })}
          />
        )}
        <Whole label="Trials" value={wanted.trials} most={5000} onChange={(trials) => change({ trials })} />
        <Whole label="Seed" value={wanted.seed} most={1e6} onChange={(seed) => change({ seed })} />
        <button type="submit" disabled={isBusy()}>
          Start
        </button>
        <button type="button" disabled={!isBusy()} onClick={stop}>
          Stop
        </button>
      </form>
      {problem !== '' && <Problem text={problem} />}
      <p class="muted small">
        The table has an entry for each of NAS-Bench-201's 15,625 architectures; networks are small and train on
        generated images. Everything happens in this page: the search runs in a Web Worker, and nothing is sent
        anywhere. A study is gone when the page is closed, unless you save its journal.
      </p>
    </Card>
  )
}

const Whole = ({
  label,
  value,
  most,
  onChange,
}: {
  readonly label: string
  readonly value: number
  readonly most: number
  readonly onChange: (value: number) => void
}) => (
  <label class="field">
    <span>{label}</span>
    <input
      type="number"
      min={1}
      max={most}
      required
      value={value}
      onInput={(event) => onChange(event.currentTarget.valueAsNumber)}
    />
  </label>
)

const states: Readonly<Record<Run['state'], string>> = {
  starting: 'starting',
  running: 'running',
  stopping: 'stopping after what is under way',
  ended: 'ended',
  failed: 'failed',
}

/** The state of a search, its engine, and its best architecture once it has ended. */
export function RunCard({ study }: { readonly study: string }) {
  useRuns()
  const run = runOf(study)!
  const isOver = run.state === 'ended' || run.state === 'failed'
  const [journal, setJournal] = useState('')
  const [best, setBest] = useState<Detail>()
  useEffect(() => {
    if (!isOver) return
    let address = ''
    let isGone = false
    journalOf(study).then((blob) => {
      if (isGone) return
      address = URL.createObjectURL(blob)
      setJournal(address)
    })
    bestOf(study).then((found) => isGone || setBest(found))
    return () => {
      isGone = true
      if (address !== '') URL.revokeObjectURL(address)
    }
  }, [study, isOver])
  return (
    <Card title={isOver ? 'Best architecture' : 'This search'} wide>
      <dl class="facts">
        <Fact name="State">
          <span role="status">{states[run.state]}</span>
        </Fact>
        <Fact name="Engine">{run.engine?.name ?? 'being chosen'}</Fact>
        {isOver && best && (
          <Fact name="Best trial">
            <a href={studyPath(study, 'trials', best.trial)}>{best.trial}</a>
          </Fact>
        )}
        {isOver &&
          best &&
          Object.entries(best.metrics).map(([name, value]) => (
            <Fact key={name} name={name}>
              {wireText(value)}
            </Fact>
          ))}
        {isOver && (
          <Fact name="Save">
            <a href={journal} download="journal.jsonl">
              journal.jsonl
            </a>
          </Fact>
        )}
      </dl>
      {run.engine && <p class="muted small">{run.engine.describe}</p>}
      {run.problem && <Problem text={run.problem} />}
      {isOver && !best && <Empty>No trial was completed.</Empty>}
      {isOver && best && <ArchitectureDrawings architecture={drawable(best.architecture)} />}
      {isOver && (
        <p class="muted small">
          <code>npx archloom show journal.jsonl</code> prints the saved study, and <code>npx archloom report</code>{' '}
          writes it as a page.
        </p>
      )}
    </Card>
  )
}

interface BestTrial {
  readonly trial: number
  readonly metrics: Readonly<Record<string, number | 'NaN' | 'Infinity' | '-Infinity'>>
  readonly architecture: Parameters<typeof ArchitectureDrawings>[0]['architecture']
}

/** The best trial of a study, if there is one. */
async function bestOf(study: string): Promise<BestTrial | undefined> {
  const path = `/api${studyPath(study)}`
  const { standing } = await ask<{ standing: { best?: { trial: number } } }>(path)
  return standing.best && ask<BestTrial>(`${path}/trials/${standing.best.trial}`)
}

/** The toy space names the number of its layers; a drawing shows each of them. */
function drawable(architecture: BestTrial['architecture']): BestTrial['architecture'] {
  if (typeof architecture !== 'object' || architecture === null || !('layers' in architecture)) return architecture
  const { layers, kernel, filters } = architecture
  const layer = { convolution: `${kernel}×${kernel}`, filters: filters ?? null }
  return [...Array.from({ length: Number(layers) }, () => layer), 'mean over positions', 'classifier']
}
