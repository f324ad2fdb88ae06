import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Json, Studies } from '../../core/index.ts'
import { callback, optionsFor, required, text, value, whole } from '../../core/options/index.ts'
import { error } from './errors.ts'
import { fastifyHere } from './fastify.ts'
import { guard } from './guard.ts'
import { LiveStudies } from './live-studies.ts'
import type { LiveStudy } from './live-study.ts'
import { problemOf } from './live-study.ts'
import { streamNews } from './news.ts'
import { type PageFiles, pageFiles } from './page-files.ts'
import { questions } from './questions.ts'
import { readImage } from './read-image.ts'

/** What a search in this process lets a page with the token do. */
export interface Controls {
  /** Name of the study. */
  readonly study: string
  stop?(): void
  /** Throws where the search space has no such architecture. */
  enqueue?(architecture: Json): Promise<void>
}

export interface DashboardServerOptions {
  /** The studies to show: `await studiesAt('journal:archloom-studies')`. */
  readonly studies: Studies
  /** Default: 8080, or the next free one of ten; 0 takes any. */
  readonly port?: number
  /** Default: 127.0.0.1, which only this machine reaches. */
  readonly host?: string
  /** Text that a page must send to stop a search or to enqueue a trial. Default: nobody can. */
  readonly token?: string
  /** The searches of this process that a page with the token may change. */
  readonly controls?: () => Controls | undefined
}

export interface DashboardServer extends AsyncDisposable {
  /** Such as http://127.0.0.1:8080 */
  readonly url: string
  close(): Promise<void>
}

const LOOPBACK = '127.0.0.1'
const PORT = 8080
const PORTS = 10

const declared = optionsFor<DashboardServerOptions>()('serveDashboard', {
  studies: required(value<Studies>('studies, as studiesAt() gives them', { doc: 'The studies to show.' })),
  port: whole({ min: 0, max: 65_535, doc: 'Port. Default: 8080, or the next free one of ten; 0 takes any.' }),
  host: text({ default: LOOPBACK, doc: 'Address to listen on. The default can be reached from this machine only.' }),
  token: text({ doc: 'Text that a page must send to stop a search or to enqueue a trial. Default: nobody can.' }),
  controls: callback<NonNullable<DashboardServerOptions['controls']>>({
    doc: 'The search of this process that a page with the token may change.',
  }),
})

/**
 * Serves the dashboard until it is closed: pages over the studies of a place, live while searches run. It never writes a
 * study. Errors: ARCHLOOM_OPTION, ARCHLOOM_DASHBOARD_PACKAGE_MISSING, ARCHLOOM_DASHBOARD_PAGE_MISSING,
 * ARCHLOOM_DASHBOARD_ADDRESS.
 */
export async function serveDashboard(given: DashboardServerOptions): Promise<DashboardServer> {
  const { studies: place, port, host = LOOPBACK, token, controls = () => undefined } = declared.read(given)
  const fastify = await fastifyHere()
  const files = await pageFiles()
  const studies = new LiveStudies(place)
  const streams = new Set<() => void>()
  const app = fastify({ forceCloseConnections: true, bodyLimit: 262_144, routerOptions: { maxParamLength: 300 } })
  app.setErrorHandler((thrown, _request, reply) => refuse(reply, thrown))
  guard(app, { host, token })
  serveFiles(app, files)
  serveQuestions(app, studies, controls)
  app.get<{ Params: { study: string }; Querystring: { from?: string } }>(
    '/api/studies/:study/news',
    async (request, reply) => {
      const study = await studies.get(request.params.study)
      reply.hijack()
      reply.raw.writeHead(200, {
        ...reply.getHeaders(),
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      } as Record<string, string>)
      const end = streamNews(study, reply.raw, lastSeen(request))
      streams.add(end)
      reply.raw.on('close', () => streams.delete(end))
    },
  )
  const url = await listen(app, host, port)
  const close = async () => {
    for (const end of streams) end()
    await app.close()
    await studies.close()
  }
  return { url, close, [Symbol.asyncDispose]: close }
}

/** The number of the last event that a reader has seen: a browser sends it as a header when it connects again. */
function lastSeen({ headers, query }: FastifyRequest<{ Querystring: { from?: string } }>): number | undefined {
  const text = headers['last-event-id'] ?? query.from
  return typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

function refuse(reply: FastifyReply, thrown: unknown): FastifyReply {
  const problem = problemOf(thrown)
  const given = typeof thrown === 'object' && thrown !== null && 'statusCode' in thrown ? Number(thrown.statusCode) : 0
  return reply.code(statusCodes[problem.code] ?? (given >= 400 ? given : 500)).send({ error: problem })
}

const statusCodes: Readonly<Record<string, number>> = {
  ARCHLOOM_STUDY_NOT_FOUND: 404,
  ARCHLOOM_STUDY_NAME: 404,
  ARCHLOOM_STUDY_EMPTY: 404,
  ARCHLOOM_DASHBOARD_TRIAL: 404,
  ARCHLOOM_DASHBOARD_IMAGE: 404,
  ARCHLOOM_DASHBOARD_QUERY: 400,
  ARCHLOOM_DASHBOARD_HOST: 403,
  ARCHLOOM_DASHBOARD_TOKEN: 401,
  ARCHLOOM_DASHBOARD_READ_ONLY: 409,
}

function serveFiles(app: FastifyInstance, files: PageFiles): void {
  for (const [path, { body, type }] of Object.entries(files)) {
    if (path === 'index.html') continue
    app.get(`/${path}`, (_request, reply) =>
      reply.type(type).header('cache-control', 'public, max-age=31536000, immutable').send(body),
    )
  }
  app.get('/api/*', (request) => {
    throw error('ARCHLOOM_DASHBOARD_QUERY', { parameter: 'path', received: request.url, expected: 'a known question' })
  })
  // Every other address is a page, which the script in it chooses.
  app.get('/*', (_request, reply) => {
    const { body, type } = files['index.html']!
    return reply.type(type).header('cache-control', 'no-cache').send(body)
  })
}

function serveQuestions(app: FastifyInstance, studies: LiveStudies, controls: () => Controls | undefined): void {
  const controlsOf = (study: LiveStudy) => {
    const own = controls()
    return own?.study === study.record.name && study.record.live.status === 'running' ? own : undefined
  }
  app.get('/api/studies', async () => ({ place: studies.url, studies: await studies.list() }))
  for (const [path, answer] of Object.entries(questions)) {
    app.get<{ Params: Record<string, string>; Querystring: Record<string, string> }>(
      `/api/studies/:study${path}`,
      async ({ params, query }) => {
        const study = await studies.get(params.study!)
        return answer(study, { params, query, controls: controlsOf(study) })
      },
    )
  }
  app.get<{ Params: { study: string; image: string } }>(
    '/api/studies/:study/images/:image',
    async ({ params }, reply) => {
      const study = await studies.get(params.study)
      const { type, data } = await readImage(study, study.method.images, params.image)
      return reply.type(type).header('cache-control', 'no-cache').send(data)
    },
  )
  app.post<{ Params: { study: string } }>('/api/studies/:study/stop', async ({ params }) => {
    const own = controlsOf(await studies.get(params.study))
    if (!own?.stop) throw error('ARCHLOOM_DASHBOARD_READ_ONLY', { study: params.study })
    own.stop()
    return { stopping: true }
  })
  app.post<{ Params: { study: string }; Body: { architecture?: Json } | null }>(
    '/api/studies/:study/enqueue',
    async ({ params, body }, reply) => {
      const own = controlsOf(await studies.get(params.study))
      if (!own?.enqueue) throw error('ARCHLOOM_DASHBOARD_READ_ONLY', { study: params.study })
      if (body?.architecture === undefined)
        throw error('ARCHLOOM_DASHBOARD_QUERY', {
          parameter: 'architecture',
          received: body,
          expected: 'JSON such as {"architecture": …}',
        })
      try {
        await own.enqueue(body.architecture)
      } catch (thrown) {
        return reply.code(400).send({ error: problemOf(thrown) })
      }
      return { enqueued: true }
    },
  )
}

/** Errors: ARCHLOOM_DASHBOARD_ADDRESS. */
async function listen(app: FastifyInstance, host: string, port: number | undefined): Promise<string> {
  const candidates = port === undefined ? Array.from({ length: PORTS }, (_, i) => PORT + i) : [port]
  for (const [i, candidate] of candidates.entries())
    try {
      return await app.listen({ host, port: candidate })
    } catch (cause) {
      const { code, message } = problemOf(cause)
      if (code === 'EADDRINUSE' && i + 1 < candidates.length) continue
      await app.close()
      throw error('ARCHLOOM_DASHBOARD_ADDRESS', { host, port: candidate, message }, { cause })
    }
  throw new RangeError('no port to try')
}
