import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

/** Both kinds of children must understand TypeScript and find the package's source. */
export async function main({ answer }: { readonly answer?: unknown }) {
  const child = fileURLToPath(new URL('./child.ts', import.meta.url))
  const forked = fork(child)
  const fromFork = await new Promise((resolve) => forked.once('message', resolve))
  const worker = new Worker(child, { env: { ...process.env } })
  const fromWorker = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  return { answer, fromFork, fromWorker }
}
