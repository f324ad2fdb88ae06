import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Text {
  readonly key: string
  value: string
}
/** What the bodies of the observer's requests may hold. */
export interface Body {
  readonly run_id: string
  readonly run_name: string
  readonly status: string
  readonly metrics: readonly { readonly key: string; readonly step: number; readonly value: unknown }[]
  readonly params: readonly Text[]
  readonly tags: readonly Text[]
}
export interface Request {
  readonly method: string
  readonly path: string
  readonly body: Body
  /** The content of a file. */
  readonly text: string
}
interface FakeRun {
  readonly info: { readonly run_id: string; readonly run_name: string; readonly artifact_uri: string }
  readonly data: { readonly tags: Text[] }
}

/** Answers like the part of MLflow's REST interface that the observer uses, and keeps the requests. */
export async function fakeMlflow() {
  const requests: Request[] = []
  const runs: FakeRun[] = []
  let hasExperiment = false
  const state = {
    /** Status of the next answers instead of the usual ones; 0: no answer at all. */
    failures: [] as number[],
    /** Requests that are answered with 400. */
    refuses: (_request: Request): boolean => false,
  }
  const answers: Readonly<Record<string, (body: Body) => [number, object]>> = {
    'experiments/get-by-name': () =>
      hasExperiment ? [200, { experiment: { experiment_id: '1' } }] : [404, { error_code: 'RESOURCE_DOES_NOT_EXIST' }],
    'experiments/create': () => {
      hasExperiment = true
      return [200, { experiment_id: '1' }]
    },
    'runs/search': () => [200, runs.length > 0 ? { runs } : {}],
    'runs/create': ({ tags, run_name }) => {
      const run_id = `run${runs.length}`
      runs.push({
        info: { run_id, run_name, artifact_uri: `mlflow-artifacts:/1/${run_id}/artifacts` },
        data: { tags: structuredClone([...tags]) },
      })
      return [200, { run: runs.at(-1) }]
    },
    'runs/log-batch': ({ run_id, tags }) => {
      const known = runs.find(({ info }) => info.run_id === run_id)!.data.tags
      for (const tag of tags) {
        const old = known.find(({ key }) => key === tag.key)
        if (old) old.value = tag.value
        else known.push({ ...tag })
      }
      return [200, {}]
    },
    'runs/update': () => [200, {}],
  }
  const server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => {
      text += chunk
    })
    request.on('end', () => {
      const failure = state.failures.shift()
      if (failure === 0) return
      const path = request.url!.replace('/api/2.0/', '')
      const isArtifact = path.startsWith('mlflow-artifacts/')
      const body: Body = isArtifact || text === '' ? {} : JSON.parse(text)
      const given = { method: request.method!, path, body, text: isArtifact ? text : '' }
      const refused = failure ?? (state.refuses(given) ? 400 : undefined)
      const [status, answer] = refused
        ? [refused, { error_code: 'X', message: 'a failure of the test' }]
        : isArtifact
          ? [200, {}]
          : answers[path.replace(/^mlflow\//, '').split('?')[0]!]!(body)
      if (refused === undefined) requests.push(given)
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    runs,
    state,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    },
  }
}
