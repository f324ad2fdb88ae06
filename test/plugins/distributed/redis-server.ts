import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const isThere = (program: string) => {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** redis-server or valkey-server; undefined where neither is installed. */
export const redisProgram = ['redis-server', 'valkey-server'].find(isThere)

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}

export interface RedisServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** kill -9, then a new server on the same port; what was on disk is read again. */
  restart(pauseMs?: number): Promise<void>
}

/** A server of our own on loopback, in a scratch folder; `disk: false` forgets everything when it ends. */
export async function redisServer({
  disk = true,
  args = [],
  url = (port: number) => `redis://127.0.0.1:${port}`,
}: {
  disk?: boolean
  args?: readonly string[]
  url?: (port: number) => string
} = {}): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'archloom-redis-'))
  const port = await freePort()
  const begin = async (): Promise<ChildProcess> => {
    const kept = disk ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--save', '', '--appendonly', 'no']
    const where = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder]
    const server = spawn(redisProgram!, [...where, ...kept, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    const ready = new Promise<void>((resolve, reject) => {
      server.stdout!.on('data', (chunk: Buffer) => {
        if (/Ready to accept connections/i.test(chunk.toString())) resolve()
      })
      server.on('exit', (code) => reject(new Error(`the server ended with ${code}`)))
      server.on('error', reject)
    })
    await ready
    return server
  }
  const end = async (server: ChildProcess) => {
    if (server.exitCode !== null || server.signalCode !== null) return
    server.kill('SIGKILL')
    await once(server, 'exit')
  }
  let server = await begin()
  const endWithUs = () => void server.kill('SIGKILL')
  process.on('exit', endWithUs)
  return {
    url: url(port),
    port,
    async restart(pauseMs = 0) {
      await end(server)
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
      server = await begin()
    },
    async [Symbol.asyncDispose]() {
      await end(server)
      process.off('exit', endWithUs)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
