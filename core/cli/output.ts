/** Something that text can be written to: a stream such as process.stderr, or a fake one in a test. */
export interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** Columns of a terminal, or `otherwise` where the terminal reports 0 or nothing. */
export const widthOf = ({ columns = 0 }: Terminal, otherwise: number): number => (columns > 0 ? columns : otherwise)

export interface Terminals {
  readonly stdout: Terminal
  readonly stderr: Terminal
}

/** Where a command prints. With `--json`, stdout carries one JSON object and everything else goes to stderr. */
export interface Output {
  readonly json: boolean
  readonly verbose: boolean
  /** Text for a person. */
  log(text: string): void
  /** Text that is neither result nor failure: notes, hints. */
  note(text: string): void
  /** The result as JSON, on one line; nothing without `--json`. Called once, last. */
  result(value: unknown): void
  /** The terminal on which progress is drawn. */
  readonly progress: Terminal
  /** The terminal on which results are printed; its width limits tables. */
  readonly reader: Terminal
}

export function outputTo(
  { stdout, stderr }: Terminals,
  { json, verbose }: { json: boolean; verbose: boolean },
): Output {
  const reader = json ? stderr : stdout
  return {
    json,
    verbose,
    log: (text) => void reader.write(`${text}\n`),
    note: (text) => void stderr.write(`${text}\n`),
    result: (value) => {
      if (json) stdout.write(`${JSON.stringify(value)}\n`)
    },
    progress: stderr,
    reader,
  }
}
