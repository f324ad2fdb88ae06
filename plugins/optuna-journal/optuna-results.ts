import { readFile } from 'node:fs/promises'
import { type Decision, type Genotype, type Json, messageOf, type SearchSpace } from '../../core/index.ts'
import { optionsFor, required, text, value } from '../../core/options/index.ts'
import { error } from './errors.ts'
import { parsePythonJson } from './python-json.ts'
import { OP } from './records.ts'

export interface OptunaResultsOptions {
  /** The journal file that Optuna, or `optunaJournal`, wrote. */
  readonly file: string
  /** Name of the study. Default: the only study of the file. */
  readonly study?: string
  /** The space of the search that starts with the results: its decisions are looked up among the parameters by name. */
  readonly space: SearchSpace
  /**
   * Names of the metrics that the study's values are, in the order of its directions. Default: those that
   * `optunaJournal` or `study.set_metric_names` wrote.
   */
  readonly metrics?: readonly string[]
}

const declared = optionsFor<OptunaResultsOptions>()('optunaResults', {
  file: required(text({ doc: 'The journal file that Optuna, or optunaJournal, wrote.' })),
  study: text({ absent: 'the only study of the file', doc: 'Name of the study.' }),
  space: required(
    value<SearchSpace>('a search space', { doc: 'Its decisions are looked up among the parameters by name.' }),
  ),
  metrics: value<readonly string[]>('an array of names', {
    doc: 'Names of the metrics that the values of the study are. Default: those that the file holds.',
  }),
})

/** A completed trial, in the form that `warmStart` of a search takes. */
export interface OptunaResult {
  readonly genotype: Genotype
  readonly metrics: Readonly<Record<string, number>>
}

type Fields = Readonly<Record<string, unknown>>
const COMPLETE = 1

interface FoundTrial {
  readonly number: number
  state: unknown
  values: readonly unknown[]
  readonly parameters: Map<string, Json>
  readonly attributes: Map<string, unknown>
}
interface FoundStudy {
  readonly name: string
  readonly directions: number
  readonly trials: FoundTrial[]
  metrics: readonly string[] | undefined
}

const fieldsOf = (found: unknown): Fields => (typeof found === 'object' && found !== null ? (found as Fields) : {})
const namesOf = (found: unknown) =>
  Array.isArray(found) && found.every((name) => typeof name === 'string') ? (found as string[]) : undefined

/** Optuna's value of a parameter: a category is stored as its index. */
function external(internal: unknown, distribution: unknown): Json {
  const described = fieldsOf(typeof distribution === 'string' ? parsePythonJson(distribution) : distribution)
  const { choices } = fieldsOf(described.attributes)
  return (Array.isArray(choices) ? choices[Number(internal)] : internal) as Json
}

/** Folds the records of a journal, as Optuna does. */
function studiesOf(lines: readonly string[], file: string): readonly FoundStudy[] {
  const studies = new Map<number, FoundStudy>()
  const trials = new Map<number, FoundTrial>()
  let [nextStudy, nextTrial] = [0, 0]

  function setParameter(trial: FoundTrial | undefined, name: unknown, internal: unknown, distribution: unknown) {
    trial?.parameters.set(String(name), external(internal, distribution))
  }
  function setState(trial: FoundTrial | undefined, { state, values, value: single }: Fields) {
    if (!trial) return
    trial.state = state ?? trial.state
    const given = values ?? (single === undefined || single === null ? undefined : [single])
    if (Array.isArray(given)) trial.values = given
  }
  function create(record: Fields) {
    const study = studies.get(record.study_id as number)
    if (!study) return
    const trial: FoundTrial = {
      number: study.trials.length,
      state: 0,
      values: [],
      parameters: new Map(),
      attributes: new Map(Object.entries(fieldsOf(record.user_attrs))),
    }
    trials.set(nextTrial++, trial)
    study.trials.push(trial)
    setState(trial, record)
    const distributions = fieldsOf(record.distributions)
    for (const [name, internal] of Object.entries(fieldsOf(record.params)))
      setParameter(trial, name, internal, distributions[name])
  }
  function take(record: Fields) {
    const study = studies.get(record.study_id as number)
    const trial = trials.get(record.trial_id as number)
    switch (record.op_code) {
      case OP.createStudy: {
        const name = String(record.study_name)
        // Optuna ignores a second study of the same name.
        if ([...studies.values()].some((each) => each.name === name)) return
        const directions = Array.isArray(record.directions) ? record.directions.length : 1
        studies.set(nextStudy++, { name, directions, trials: [], metrics: undefined })
        return
      }
      case OP.deleteStudy:
        studies.delete(record.study_id as number)
        return
      case OP.studyAttribute:
        if (study) study.metrics ??= namesOf(fieldsOf(record.user_attr).objectives)
        return
      case OP.studySystemAttribute:
        if (study) study.metrics = namesOf(fieldsOf(record.system_attr)['study:metric_names']) ?? study.metrics
        return
      case OP.createTrial:
        create(record)
        return
      case OP.parameter:
        setParameter(trial, record.param_name, record.param_value_internal, record.distribution)
        return
      case OP.state:
        setState(trial, record)
        return
      case OP.attribute:
        for (const [name, found] of Object.entries(fieldsOf(record.user_attr))) trial?.attributes.set(name, found)
        return
      default:
    }
  }

  for (const [i, line] of lines.entries()) {
    try {
      take(fieldsOf(parsePythonJson(line)))
    } catch (cause) {
      throw error('ARCHLOOM_OPTUNA_JOURNAL_LINE', { file, line: i + 1, received: line }, { cause })
    }
  }
  return [...studies.values()]
}

/** The number that a genotype has for a parameter's value; undefined if the decision has no such value. */
function numberOf(decision: Decision, found: Json): number | undefined {
  if (decision.kind === 'real')
    return typeof found === 'number' && found >= decision.min && found <= decision.max ? found : undefined
  const index = decision.options.findIndex((option, i) => {
    const json = JSON.stringify(option)
    return option === found || json === found || `${i}: ${json}` === found
  })
  return index < 0 ? undefined : index
}

function genotypeOf(space: SearchSpace, { number, parameters }: FoundTrial, where: { file: string; study: string }) {
  const genotype: number[] = []
  for (const [i, decision] of space.decisions.entries()) {
    if (!space.isActive(genotype, i)) {
      genotype.push(0)
      continue
    }
    const found = parameters.get(decision.name)
    const known = found === undefined ? undefined : numberOf(decision, found)
    if (known === undefined)
      throw error('ARCHLOOM_OPTUNA_PARAMETER', {
        ...where,
        trial: number,
        name: decision.name,
        received: found,
        expected: decision.kind === 'real' ? `a number from ${decision.min} to ${decision.max}` : decision.options,
        known: [...parameters.keys()],
      })
    genotype.push(known)
  }
  const valid = space.validate(genotype)
  if (!valid.ok) throw valid.error
  return valid.genotype
}

/**
 * The completed trials of an Optuna study, for `warmStart` of a search: its values and its numeric user attributes as
 * metrics. Errors: ARCHLOOM_OPTION, ARCHLOOM_OPTUNA_READ, ARCHLOOM_OPTUNA_JOURNAL_LINE, ARCHLOOM_OPTUNA_STUDY,
 * ARCHLOOM_OPTUNA_METRICS, ARCHLOOM_OPTUNA_PARAMETER, and those of the space for an architecture that it forbids.
 */
export async function optunaResults(given: OptunaResultsOptions): Promise<readonly OptunaResult[]> {
  const { file, study: wanted, space, metrics: named } = declared.read(given)
  let content: string
  try {
    content = await readFile(file, 'utf8')
  } catch (cause) {
    throw error('ARCHLOOM_OPTUNA_READ', { file, message: messageOf(cause) }, { cause })
  }
  // A last line without an end is still being written, or was cut off by a kill.
  const studies = studiesOf(content.split('\n').slice(0, -1), file)
  const study = wanted === undefined && studies.length === 1 ? studies[0] : studies.find(({ name }) => name === wanted)
  if (!study) throw error('ARCHLOOM_OPTUNA_STUDY', { file, received: wanted, known: studies.map(({ name }) => name) })
  const metrics = named ?? study.metrics
  if (metrics?.length !== study.directions)
    throw error('ARCHLOOM_OPTUNA_METRICS', {
      file,
      study: study.name,
      received: metrics,
      count: study.directions,
    })
  const where = { file, study: study.name }
  return study.trials
    .filter(({ state }) => state === COMPLETE)
    .map((trial) => {
      const others = [...trial.attributes].filter(([name, found]) => typeof found === 'number' && name !== 'seed')
      const values = metrics.map((name, i) => [name, Number(trial.values[i] ?? Number.NaN)])
      return { genotype: genotypeOf(space, trial, where), metrics: Object.fromEntries([...others, ...values]) }
    })
}
