import { main } from '../../../core/cli/main.ts'
import type { Terminal } from '../../../core/cli/output.ts'

/** A terminal that keeps what is written to it. */
export function recorder(options: Partial<Pick<Terminal, 'isTTY' | 'columns'>> = {}) {
  let text = ''
  return {
    ...options,
    write: (more: string) => {
      text += more
    },
    get text() {
      return text
    },
  }
}

/** One command line in this process. */
export async function archloom(...args: readonly string[]) {
  const [stdout, stderr] = [recorder(), recorder()]
  const code = await main(args, { stdout, stderr })
  const last = stdout.text.trimEnd().split('\n').at(-1) ?? ''
  return {
    code,
    stdout: stdout.text,
    stderr: stderr.text,
    get json() {
      return JSON.parse(last)
    },
  }
}
