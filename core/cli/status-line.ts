import type { Clock } from '../clock.ts'
import { type Terminal, widthOf } from './output.ts'
import { cut } from './text.ts'

/** Shows the progress of long work other than a search. */
export interface StatusLine extends Disposable {
  /** Replaces the line on a terminal; elsewhere prints a line every few seconds. */
  show(text: string): void
  /** Print something that stays, above the line. */
  above(text: string): void
}

export function statusLine(terminal: Terminal, clock: Clock, everyMs = 5000): StatusLine {
  const live = terminal.isTTY === true
  let shown = ''
  let drawnAt = Number.NEGATIVE_INFINITY
  const clear = () => {
    if (live && shown) terminal.write('\r\x1b[2K')
    shown = ''
  }
  return {
    show(text) {
      if (clock.now() - drawnAt < (live ? 100 : everyMs)) return
      drawnAt = clock.now()
      clear()
      shown = text
      terminal.write(live ? cut(text, widthOf(terminal, 100) - 1) : `${text}\n`)
    },
    above(text) {
      clear()
      terminal.write(`${text}\n`)
    },
    [Symbol.dispose]: clear,
  }
}
