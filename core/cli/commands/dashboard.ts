import { spawn } from 'node:child_process'
import type { Studies } from '../../study/studies.ts'
import { preferSmallMemory } from '../dashboard/memory.ts'
import { onInterrupt } from '../interrupt.ts'
import type { Output } from '../output.ts'

export interface DashboardCommandOptions {
  readonly studies: Studies
  readonly port?: number
  readonly host: string
  /** Whether to open the dashboard in the browser. */
  readonly open: boolean
  readonly output: Output
}

/** `archloom dashboard`: serves until Ctrl-C. */
export async function dashboardCommand(given: DashboardCommandOptions): Promise<number> {
  const { studies, port, host, open, output } = given
  preferSmallMemory()
  const { serveDashboard } = await import('archloom/plugins/dashboard')
  const stop = new AbortController()
  const stopped = new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve()))
  using _signals = onInterrupt({ stop: () => stop.abort('interrupted'), say: () => {} })
  const server = await serveDashboard({ studies, host, ...(port !== undefined && { port }) })
  output.log(`dashboard  ${server.url}\nstudies    ${studies.url.replace(/^journal:/, '')}\nPress Ctrl-C to stop.`)
  if (open) openInBrowser(server.url)
  await stopped
  await server.close()
  output.result({ url: server.url })
  return 0
}

/** Opens an address in the default browser of the system. Does nothing if there is none. */
export function openInBrowser(url: string): void {
  const programs: Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>> = {
    darwin: ['open', url],
    win32: ['cmd', '/c', 'start', '', url],
  }
  const [program, ...args] = programs[process.platform] ?? ['xdg-open', url]
  const child = spawn(program, args, { stdio: 'ignore', detached: true })
  child.on('error', () => {})
  child.unref()
}
