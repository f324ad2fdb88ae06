import { readFile } from 'node:fs/promises'
import { ArchloomError } from '../../core/errors.ts'
import type { Client } from './client.ts'
import { mlflowNumber } from './names.ts'
import type { Metric, Operation, RunKey } from './operations.ts'

/** What one request of `runs/log-batch` may hold. */
const LIMIT = { all: 1000, metrics: 1000, params: 100, tags: 100 } as const
/** How many runs are written at the same time. */
const PARALLEL = 4

/** The operations of a run, but those that change the state of the study's run, which come last, have their own. */
type Queue = RunKey | 'end'

interface Run {
  readonly id: string
  /** Where the server keeps the files of the run; undefined if it does not take them over HTTP. */
  readonly artifacts: string | undefined
}
interface RunFields {
  readonly info: { readonly run_id: string; readonly artifact_uri?: string }
  readonly data?: { readonly tags?: readonly { readonly key: string; readonly value: string }[] }
}

const runOf = ({ info }: RunFields): Run => ({
  id: info.run_id,
  artifacts: info.artifact_uri?.startsWith('mlflow-artifacts:')
    ? info.artifact_uri.replace(/^mlflow-artifacts:(\/\/[^/]*)?\/+/, '')
    : undefined,
})
const pairs = (texts: Readonly<Record<string, string>>) => Object.entries(texts).map(([key, value]) => ({ key, value }))

/** The logs of one run, merged into as few requests as the server allows; a later tag replaces an earlier one. */
function* batchesOf(logs: readonly Extract<Operation, { kind: 'log' }>[]) {
  const metrics = logs.flatMap((each): readonly Metric[] => each.metrics ?? [])
  const params = pairs(Object.assign({}, ...logs.map((each) => each.params ?? {})))
  const tags = pairs(Object.assign({}, ...logs.map((each) => each.tags ?? {})))
  while (metrics.length + params.length + tags.length > 0) {
    const [p, t] = [params.splice(0, LIMIT.params), tags.splice(0, LIMIT.tags)]
    const m = metrics.splice(0, Math.min(LIMIT.metrics, LIMIT.all - p.length - t.length))
    yield { metrics: m.map((each) => ({ ...each, value: mlflowNumber(each.value) })), params: p, tags: t }
  }
}

/** The server's id of an experiment, which is created if it does not exist. Errors: those of the client. */
export async function experimentId(client: Client, name: string): Promise<string> {
  const named = () => client.get('experiments/get-by-name', { experiment_name: name }, ['RESOURCE_DOES_NOT_EXIST'])
  let found = await named()
  if (found.status === 404) {
    // Another process may have created it in the meantime.
    await client.post('experiments/create', { name }, ['RESOURCE_ALREADY_EXISTS'])
    found = await named()
  }
  return (found.body.experiment as { readonly experiment_id: string }).experiment_id
}

export interface Target {
  /** The server's id of the experiment. */
  readonly experiment: () => Promise<string>
  readonly study: string
  /** When the study began, in milliseconds: with its name, it identifies the study on the server. */
  readonly began: number
}

/** Writes operations to the server, those of each run in order; what fails is written with the next call. */
export function runWriter(client: Client, { experiment, study, began }: Target) {
  const waiting = new Map<Queue, Operation[]>()
  const runs = new Map<RunKey, Run>()
  let experimentId = ''
  /** A request that the server refused for good. */
  let refusal: unknown

  const began$ = String(Math.round(began))
  /** Finds the runs of an earlier session. Returns the number of the last event that it sent completely, or -1. */
  async function open(): Promise<number> {
    experimentId = await experiment()
    let sent = -1
    let token: unknown
    do {
      const { body } = await client.post('runs/search', {
        experiment_ids: [experimentId],
        filter: `tags.\`archloom.began\` = '${began$}'`,
        max_results: 1000,
        ...(typeof token === 'string' && { page_token: token }),
      })
      for (const found of (body.runs ?? []) as readonly RunFields[]) {
        const tags = new Map(found.data?.tags?.map(({ key, value }) => [key, value]))
        if (tags.get('archloom.study') !== study) continue
        const trial = tags.get('archloom.trial')
        runs.set(trial === undefined ? 'study' : Number(trial), runOf(found))
        if (trial === undefined) sent = Number(tags.get('archloom.sent') ?? -1)
      }
      token = body.next_page_token
    } while (typeof token === 'string' && token !== '')
    return sent
  }

  async function start(run: RunKey, { name, at, tags }: Extract<Operation, { kind: 'start' }>): Promise<void> {
    if (runs.has(run)) return
    const parent = runs.get('study')
    const { body } = await client.post('runs/create', {
      experiment_id: experimentId,
      run_name: name,
      start_time: Math.round(at),
      tags: pairs({
        ...tags,
        'archloom.study': study,
        'archloom.began': began$,
        ...(run !== 'study' && { 'archloom.trial': String(run), 'mlflow.parentRunId': parent?.id ?? '' }),
        'mlflow.source.name': 'archloom',
        'mlflow.source.type': 'LOCAL',
      }),
    })
    runs.set(run, runOf(body.run as RunFields))
  }

  async function upload(place: string, { file, text }: Extract<Operation, { kind: 'artifact' }>): Promise<void> {
    const data = file === undefined ? new TextEncoder().encode(text) : await readFile(file).catch(() => undefined)
    if (data) await client.put(place, new Uint8Array(data))
  }

  /** Does the first operations of the list, and returns how many. */
  async function doNext(key: RunKey, list: readonly Operation[]): Promise<number> {
    const [first] = list
    if (first!.kind === 'start') {
      await start(key, first as Extract<Operation, { kind: 'start' }>)
      return 1
    }
    const run = runs.get(key)
    // The server refused to create the run.
    if (!run) return list.length
    switch (first!.kind) {
      case 'status': {
        const { status, at } = first!
        const end = at === undefined ? {} : { end_time: Math.round(at) }
        await client.post('runs/update', { run_id: run.id, status, ...end })
        return 1
      }
      case 'artifact':
        if (run.artifacts !== undefined) await upload(`${run.artifacts}/${first!.path}`, first!)
        return 1
      case 'log': {
        const logs: Extract<Operation, { kind: 'log' }>[] = []
        for (const each of list) {
          if (each.kind !== 'log') break
          logs.push(each)
        }
        for (const batch of batchesOf(logs))
          await refusable(client.post('runs/log-batch', { run_id: run.id, ...batch }))
        return logs.length
      }
    }
  }
  /** A request that is refused would be refused again: it is left out, and reported once everything else is sent. */
  async function refusable(request: Promise<unknown>): Promise<void> {
    try {
      await request
    } catch (thrown) {
      if (!ArchloomError.is(thrown) || thrown.code !== 'ARCHLOOM_MLFLOW_REFUSED') throw thrown
      refusal ??= thrown
    }
  }

  async function drain(queue: Queue): Promise<void> {
    const list = waiting.get(queue) ?? []
    while (list.length > 0) {
      let done = 1
      await refusable(
        doNext(queue === 'end' ? 'study' : queue, list).then((count) => {
          done = count
        }),
      )
      list.splice(0, done)
    }
    waiting.delete(queue)
  }

  return {
    open,
    add(operation: Operation): void {
      const queue = operation.run === 'study' && operation.kind === 'status' ? 'end' : operation.run
      const list = waiting.get(queue)
      if (list) list.push(operation)
      else waiting.set(queue, [operation])
    },
    /** Writes everything that waits, then notes on the server which event was the last. */
    async flush(last: number): Promise<void> {
      // The runs of trials name the run of the study.
      await drain('study')
      const queues = [...waiting.keys()].filter((queue) => queue !== 'end')
      const next = async (): Promise<void> => {
        for (let queue = queues.shift(); queue !== undefined; queue = queues.shift()) await drain(queue)
      }
      const results = await Promise.allSettled(Array.from({ length: PARALLEL }, next))
      for (const result of results) if (result.status === 'rejected') throw result.reason
      await drain('end')
      const study = runs.get('study')
      const tags = pairs({ 'archloom.sent': String(last) })
      if (study) await client.post('runs/log-batch', { run_id: study.id, metrics: [], params: [], tags })
      const thrown = refusal
      refusal = undefined
      if (thrown !== undefined) throw thrown
    },
  }
}
