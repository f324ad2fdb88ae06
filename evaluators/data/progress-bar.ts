import type { DownloadProgress } from './download.ts'

/** The terminal on which the bar is drawn, such as process.stderr. */
export interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

const WIDTH = 24

/** Formats one line for a download: `cifar-10-binary.tar.gz ███████░░░  41 %  70 of 170 MB  5.1 MB/s  20 s left`. */
export function progressLine({ file, received, total, bytesPerSecond }: DownloadProgress): string {
  const speed = `${megabytes(bytesPerSecond)} MB/s`
  if (total === undefined) return `${file}  ${megabytes(received)} MB  ${speed}`
  const share = total ? Math.min(1, received / total) : 1
  const filled = Math.round(share * WIDTH)
  const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled)
  const left = bytesPerSecond > 0 ? `  ${Math.ceil((total - received) / bytesPerSecond)} s left` : ''
  const percent = `${Math.floor(share * 100)} %`.padStart(5)
  return `${file}  ${bar} ${percent}  ${megabytes(received)} of ${megabytes(total)} MB  ${speed}${left}`
}

/**
 * A progress bar that redraws itself on a terminal; elsewhere, a single line when a file is complete. It is redrawn
 * only when the percentage changes.
 */
export function progressBar(terminal: Terminal = process.stderr): (progress: DownloadProgress) => void {
  let shown = ''
  return (progress) => {
    const line = progressLine(progress)
    if (!terminal.isTTY) {
      if (progress.done)
        terminal.write(`${progress.file}: ${megabytes(progress.received)} MB downloaded from ${progress.url}\n`)
      return
    }
    const { received, total } = progress
    const step = `${progress.file} ${Math.floor(total ? (100 * received) / total : received / 1e6)}`
    if (step === shown && !progress.done) return
    shown = step
    terminal.write(`\r\x1b[2K${line.slice(0, (terminal.columns || 100) - 1)}${progress.done ? '\n' : ''}`)
  }
}

const megabytes = (bytes: number) => (bytes < 1e7 ? (bytes / 1e6).toFixed(1) : Math.round(bytes / 1e6).toString())
