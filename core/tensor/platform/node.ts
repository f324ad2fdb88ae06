import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { messageOf } from '../../errors.ts'
import { replaceFile } from '../../node/files.ts'
import type { ProbeAnswer } from '../probe.ts'
import type { TensorPlatform } from './platform.ts'

const require = createRequire(import.meta.url)

const engines = ['onnxruntime', 'webgpu', 'tensorflow']

export const platform: TensorPlatform = {
  engineModules: engines.map((name) => ({ name, load: () => import(`archloom/plugins/${name}`) })),
  environment: process.env,
  get cores() {
    return availableParallelism()
  },
  get machine() {
    return {
      platform: `${process.platform} ${process.arch}`,
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: availableParallelism(),
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      node: process.version,
    }
  },
  versionOf: (packageName) => (require(`${packageName}/package.json`) as { version: string }).version,
  warn: (message, code) => process.emitWarning(message, { code }),
  rememberListeners() {
    const names = ['uncaughtException', 'unhandledRejection'] as const
    const before = new Map(names.map((name) => [name, new Set(process.rawListeners(name))]))
    return () => {
      for (const name of names)
        for (const listener of process.rawListeners(name))
          if (!before.get(name)?.has(listener)) process.removeListener(name, listener as () => void)
    }
  },
  readFile,
  replaceFile,
  async probe(name, timeoutMs) {
    const extension = extname(fileURLToPath(import.meta.url))
    const entry = fileURLToPath(new URL(`../probe-process${extension}`, import.meta.url))
    // From source, whatever runs this process, Node runs the child through tsx.
    const options = extension === '.ts' ? ['--conditions=archloom-source', '--import', 'tsx'] : []
    const cwd = fileURLToPath(new URL('../../..', import.meta.url))
    try {
      const limits = { cwd, timeout: timeoutMs, maxBuffer: 1 << 24 }
      const { stdout } = await promisify(execFile)(process.execPath, [...options, entry, name], limits)
      return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as ProbeAnswer
    } catch (cause) {
      throw new Error(reasonOf(cause), { cause })
    }
  },
}

/** The reason why a process died instead of answering. */
function reasonOf(thrown: unknown): string {
  const { killed = false, signal, code } = thrown as { killed?: boolean; signal?: string; code?: number | string }
  if (killed) return 'it did not answer in time'
  return signal ? `its process was ended by ${signal}` : `its process ended with ${code ?? messageOf(thrown)}`
}
