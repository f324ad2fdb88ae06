import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Claim } from '../../../core/reproduction.ts'
import type { Log } from './forms.ts'
import type { ImagePart } from './image-part.ts'

export type FromImageWorker =
  | { readonly log: string }
  | { readonly claims: readonly Claim[] }
  | { readonly failed: string }

const isSource = import.meta.url.endsWith('.ts')
const program = fileURLToPath(new URL(isSource ? './image-worker.ts' : './image-worker.js', import.meta.url))
/** In a checkout the program is TypeScript. */
const execArgv = isSource
  ? ['--import', new URL('../../../core/cli/typescript.mjs', import.meta.url).href]
  : process.execArgv

/** Runs the image part in a separate process with one thread, in parallel to the other part. */
export function beside(
  part: ImagePart,
  { environment, log, signal }: { environment: NodeJS.ProcessEnv; log: Log; signal?: AbortSignal | undefined },
): Promise<readonly Claim[]> {
  signal?.throwIfAborted()
  const env = { ...environment, ARCHLOOM_THREADS: '1' }
  // Everything that it prints goes to stderr, because stdout may carry a program's result.
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
