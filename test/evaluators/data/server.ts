import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Served {
  readonly url: string
  /** Path and range header of every request so far. */
  readonly requests: readonly { path: string; range: string | undefined }[]
}

/** A server on this machine that is closed when the test is over. */
export async function serve(
  answer: (request: IncomingMessage, response: ServerResponse, count: number) => void,
): Promise<Served> {
  const requests: { path: string; range: string | undefined }[] = []
  const server = createServer((request, response) => {
    requests.push({ path: request.url ?? '', range: request.headers.range })
    answer(request, response, requests.length)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

/** Answers like a file server that knows ranges; sends `limit` bytes of the promised ones, then breaks the connection. */
export function sendFile(request: IncomingMessage, response: ServerResponse, body: Uint8Array, limit?: number): void {
  const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
  if (start >= body.length) {
    response.writeHead(416, { 'content-range': `bytes */${body.length}` }).end()
    return
  }
  const rest = body.subarray(start)
  response.writeHead(request.headers.range ? 206 : 200, {
    'content-length': rest.length,
    ...(request.headers.range && { 'content-range': `bytes ${start}-${body.length - 1}/${body.length}` }),
  })
  if (limit === undefined) response.end(rest)
  else response.write(rest.subarray(0, limit), () => setTimeout(() => response.destroy(), 20))
}
