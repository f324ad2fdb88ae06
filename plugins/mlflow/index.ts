import { declarePlugin, definePlugin, observeInBatches, type Plugin } from '../../core/index.ts'
import { type OptionsOf, optionError, options, text, whole } from '../../core/options/index.ts'
import { type Client, mlflowClient } from './client.ts'
import { mlflowOperations } from './operations.ts'
import { experimentId, runWriter } from './writer.ts'

export const declared = options('mlflow', {
  url: text({
    default: 'http://127.0.0.1:5000',
    doc: 'Address of the tracking server; may contain a user and a password.',
  }),
  experiment: text({ default: 'archloom', doc: 'Experiment of the runs. It is created if it does not exist.' }),
  token: text({ doc: 'Bearer token. Default: the environment variable MLFLOW_TRACKING_TOKEN, if it is set.' }),
  runs: whole({
    min: 0,
    default: 1000,
    doc: 'Number of trials that have a separate run, with parameters and curves. Later trials appear only in the run of the study.',
  }),
  everyMs: whole({ min: 1, default: 1000, doc: 'Milliseconds between two writes.' }),
  timeoutMs: whole({
    min: 1,
    default: 10_000,
    doc: 'Milliseconds until a request without an answer counts as failed.',
  }),
})
export type MlflowOptions = OptionsOf<typeof declared>

/** The end of a search waits ten seconds for the next answer; requests are ended before. */
const END_MS = 9000

const about = declarePlugin({
  name: 'mlflow',
  kind: 'observer',
  does: 'Writes a study to an MLflow tracking server while it runs.',
  options: declared,
})

/** The address without its password. */
const shownUrl = (url: string) => {
  if (!/^https?:/.test(url) || !URL.canParse(url))
    throw optionError('mlflow', 'url', url, 'an address such as "http://127.0.0.1:5000"')
  const shown = new URL(url)
  if (shown.password) shown.password = '***'
  return shown.href
}

/**
 * Writes the study to an MLflow 3 tracking server while it runs: one run for the study, and a nested run for each trial.
 * A resumed study continues its runs. A server that does not answer becomes a warning of the study, and delays the start
 * of the search by one second at most. Error: ARCHLOOM_OPTION.
 */
export function mlflow(given: MlflowOptions = {}): Plugin {
  const { token, ...read } = declared.read(given)
  const { url, experiment, runs, everyMs, timeoutMs } = read
  const shown = shownUrl(url)
  return definePlugin({
    ...about,
    options: { ...read, url: shown },
    bind: ({ observer }) =>
      observer.to((search) => {
        const abort = new AbortController()
        const { signal } = abort
        let timer: ReturnType<typeof setTimeout> | undefined
        const onAnswer = () => {
          search.stillWriting?.()
          timer?.refresh()
        }
        const key = token ?? process.env.MLFLOW_TRACKING_TOKEN
        const connection = { url, token: key, timeoutMs, signal, onAnswer }
        const client = mlflowClient(connection)
        let id: string | undefined
        const idFrom = async (server: Client) => {
          id ??= await experimentId(server, experiment)
          return id
        }
        const operationsOf = mlflowOperations(runs)
        let writer: ReturnType<typeof runWriter> | undefined
        /** Number of the last event that an earlier session sent; undefined until the server has been asked. */
        let sent: number | undefined
        let taken = -1
        const finish = observeInBatches(search, {
          everyMs,
          probe: async () => void (await idFrom(mlflowClient({ ...connection, attempts: 1 }))),
          async write(events) {
            const study = { experiment: () => idFrom(client), study: search.study, began: events[0]!.at }
            writer ??= runWriter(client, study)
            sent ??= await writer.open()
            for (const event of events) {
              // Derived events repeat the number of another event. A batch that failed is given again.
              if (event.seq <= taken) continue
              taken = event.seq
              const operations = operationsOf(event)
              if (event.seq > sent) for (const operation of operations) writer.add(operation)
            }
            if (taken > sent) await writer.flush(taken)
          },
        })
        const end = async () => {
          timer = setTimeout(() => abort.abort(), END_MS)
          await finish().finally(() => clearTimeout(timer))
        }
        return Object.assign(end, { ready: finish.ready, flush: finish.flush })
      }),
  })
}
