import { type Decision, type Json, messageOf, type StudyRecord } from '../../core/index.ts'
import { error } from './errors.ts'

type ArrowType = object
type ArrowVector = object
interface ArrowTable {
  readonly schema: { readonly metadata: Map<string, string> }
}
/** The part of `apache-arrow` that is used here. */
interface Arrow {
  readonly Bool: new () => ArrowType
  readonly Float64: new () => ArrowType
  readonly Int32: new () => ArrowType
  readonly Utf8: new () => ArrowType
  readonly Dictionary: new (values: ArrowType, indices: ArrowType, id: number) => ArrowType
  readonly Table: new (columns: Readonly<Record<string, ArrowVector>>) => ArrowTable
  vectorFromArray(cells: readonly Cell[], type: ArrowType): ArrowVector
  tableToIPC(table: ArrowTable, form: 'file'): Uint8Array
}

/** Imports a module by name; a parameter, so that a test can simulate a missing one. */
export type Importer = (name: string) => Promise<unknown>

const importModule: Importer = (name) => import(name)
const PACKAGE = 'apache-arrow'

async function arrowHere(load: Importer): Promise<Arrow> {
  try {
    return (await load(PACKAGE)) as Arrow
  } catch (cause) {
    // Only the first line: Node goes on with the stack of the modules that required it.
    const [reason = ''] = messageOf(cause).split('\n')
    throw error('ARCHLOOM_ARROW_PACKAGE_MISSING', { packageName: PACKAGE, reason }, { cause })
  }
}

type Cell = number | string | boolean | null
type Kind = 'integer' | 'number' | 'boolean' | 'text' | 'word'

interface Column {
  readonly name: string
  readonly kind: Kind
  readonly cells: readonly Cell[]
}

const isInteger32 = (value: unknown) => Number.isInteger(value) && (value as number) === ((value as number) | 0)

/** What holds every option of a decision. Objects and mixtures become JSON. */
function kindOf(decision: Decision): Kind {
  if (decision.kind === 'real') return 'number'
  const { options } = decision
  if (options.every(isInteger32)) return 'integer'
  if (options.every((option) => typeof option === 'number')) return 'number'
  if (options.every((option) => typeof option === 'boolean')) return 'boolean'
  return 'word'
}

const asWord = (option: Json) => (typeof option === 'string' ? option : JSON.stringify(option))

function columnsOf(study: Pick<StudyRecord, 'started' | 'trials'>): readonly Column[] {
  const { trials } = study
  const metrics = [...new Set(trials.flatMap((trial) => Object.keys(trial.metrics)))]
  const column = (name: string, kind: Kind, cell: (trial: (typeof trials)[number]) => Cell | undefined): Column => ({
    name,
    kind,
    cells: trials.map((trial) => cell(trial) ?? null),
  })
  return [
    column('trial', 'integer', ({ trial }) => trial),
    column('status', 'word', ({ status }) => status),
    column('fidelity', 'number', ({ rungs }) => rungs.at(-1)?.fidelity),
    column('reward', 'number', ({ reward }) => reward),
    column('feasible', 'boolean', ({ feasible }) => feasible),
    column('violation', 'number', ({ violation }) => violation),
    column('elapsedMs', 'number', ({ elapsedMs }) => elapsedMs),
    column('simulatedSeconds', 'number', ({ simulatedSeconds }) => simulatedSeconds),
    column('genotype', 'text', ({ text }) => text),
    column('failure', 'word', ({ failure }) => failure?.code),
    ...study.started.space.decisions.map((decision, i) => {
      const kind = kindOf(decision)
      return column(`architecture.${decision.name}`, kind, ({ genotype }) => {
        const value = genotype[i]!
        if (decision.kind === 'real') return value
        const option = decision.options[value]!
        return kind === 'word' ? asWord(option) : (option as Cell)
      })
    }),
    ...metrics.map((name) => column(`metrics.${name}`, 'number', (trial) => trial.metrics[name])),
  ]
}

/**
 * A study as an Arrow file (the IPC file format, which Feather version 2 is as well): one row per trial, with the columns of
 * the CSV export and types. Trial numbers and decisions over whole numbers are int32, other numbers and all metrics double,
 * the genotype utf8, and texts that repeat dictionaries of utf8. What a trial does not have is null; infinite numbers and NaN
 * stay what they are. The metadata of the schema hold the study, its space, objectives and seed.
 * Error: ARCHLOOM_ARROW_PACKAGE_MISSING without the package `apache-arrow`.
 */
export async function studyArrow(
  study: Pick<StudyRecord, 'started' | 'trials'>,
  load: Importer = importModule,
): Promise<Uint8Array> {
  const arrow = await arrowHere(load)
  const columns = columnsOf(study)
  const types: Readonly<Record<Exclude<Kind, 'word'>, () => ArrowType>> = {
    integer: () => new arrow.Int32(),
    number: () => new arrow.Float64(),
    boolean: () => new arrow.Bool(),
    text: () => new arrow.Utf8(),
  }
  const vectors = columns.map(({ name, kind, cells }, id): [string, ArrowVector] => {
    // The package numbers dictionaries through a whole process; the file shall depend on the study only.
    const type = kind === 'word' ? new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32(), id) : types[kind]()
    return [name, arrow.vectorFromArray(cells, type)]
  })
  const table = new arrow.Table(Object.fromEntries(vectors))
  const { study: name, space, objectives, seed } = study.started
  const facts = { study: name, space: space.name, fingerprint: space.fingerprint, objectives, seed }
  for (const [fact, value] of Object.entries(facts))
    table.schema.metadata.set(`archloom.${fact}`, typeof value === 'string' ? value : JSON.stringify(value))
  return arrow.tableToIPC(table, 'file')
}
