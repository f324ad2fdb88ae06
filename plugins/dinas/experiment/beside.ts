import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Claim } from '../../../core/index.ts'
import type { Log } from './forms.ts'
import type { ImagePart } from './image-part.ts'

export type FromImageWorker =
  | { readonly log: string }
  | { readonly claims: readonly Claim[] }
  | { readonly failed: string }

const isSource = import.meta.url.endsWith('.ts')
const program = fileURLToPath(new URL(isSource ? './image-worker.ts' : './image-worker.js', import.meta.url))
/** In a checkout the program is TypeScript as well. */
const execArgv = isSource
  ? ['--import', new URL('../../../core/cli/typescript.mjs', import.meta.url).href]
  : process.execArgv

/** The image part in a process of its own, one thread of it: two cores do both parts in the time of one. */
export function beside(
  part: ImagePart,
  { environment, log, signal }: { environment: NodeJS.ProcessEnv; log: Log; signal?: AbortSignal | undefined },
): Promise<readonly Claim[]> {
  signal?.throwIfAborted()
  const env = { ...environment, ARCHLOOM_THREADS: '1' }
  // What it prints goes to stderr: stdout may be a program's result.
  const child = fork(program, { execArgv, env, stdio: ['ignore', 2, 2, 'ipc'] })
  const stop = () => void child.kill('SIGKILL')
  signal?.addEventListener('abort', stop, { once: true })
  return new Promise<readonly Claim[]>((resolve, reject) => {
    child.on('message', (message: FromImageWorker) => {
      if ('log' in message) log(message.log)
      else if ('claims' in message) resolve(message.claims)
      else reject(new Error(message.failed))
    })
    child.once('error', reject)
    child.once('exit', (code, killed) =>
      reject(signal?.reason ?? new Error(`the image part ended with ${code ?? killed}`)),
    )
    child.send(part)
  }).finally(() => {
    signal?.removeEventListener('abort', stop)
    stop()
  })
}
