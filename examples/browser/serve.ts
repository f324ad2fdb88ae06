// Builds the page and serves it on this machine:
//     npm run demo
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildDemo } from './build.ts'

const HOST = '127.0.0.1'
const PORT = 8080

/** As strict as the dashboard's, and WebAssembly may be compiled. The worker's script has the same policy. */
const headers: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "font-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.md': 'text/plain; charset=utf-8',
}

/** Serves the page until it is closed; port 0 takes any free one. */
export async function serveDemo({ port = PORT }: { readonly port?: number } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'archloom-demo-'))
  const files = new Map<string, { readonly body: Buffer; readonly type: string }>()
  try {
    await buildDemo(folder)
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const path = join(entry.parentPath, entry.name)
      const name = relative(folder, path).replaceAll(sep, '/')
      files.set(`/${name}`, { body: await readFile(path), type: types[extname(name)] ?? 'application/octet-stream' })
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  const server = createServer((request, response) => {
    const named = request.headers.host?.replace(/:\d+$/, '')
    const isOwn = named === HOST || named === 'localhost'
    const { pathname } = new URL(request.url ?? '/', `http://${HOST}`)
    // Every address without an extension is a page, which the script in it chooses.
    const file = files.get(extname(pathname) === '' ? '/index.html' : pathname)
    if (!isOwn || !file) response.writeHead(isOwn ? 404 : 403, headers).end()
    else response.writeHead(200, { ...headers, 'content-type': file.type, 'cache-control': 'no-cache' }).end(file.body)
  })
  await new Promise<void>((resolve, reject) => server.on('error', reject).listen(port, HOST, resolve))
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()).closeAllConnections())
  return { url: `http://${HOST}:${(server.address() as AddressInfo).port}`, close }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await serveDemo({ port: Number(process.env.PORT ?? PORT) })
  console.log(`the demo is at ${url}; Ctrl+C ends it`)
}
