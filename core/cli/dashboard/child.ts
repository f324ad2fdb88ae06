/** The process that serves the dashboard of a running search, so that training does not delay its pages. */
import { serveDashboard } from 'archloom/plugins/dashboard'
import { messageOf } from '../../errors.ts'
import { storageAt } from '../storage.ts'
import { preferSmallMemory } from './memory.ts'
import type { Order, Received, Report } from './messages.ts'

preferSmallMemory()
const report = (message: Report) => process.send?.(message)
const waiting = new Map<number, (received: Received) => void>()
let sent = 0

// Ctrl-C and SIGTERM stop the search; the process of the search then ends this one.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})
process.on('disconnect', () => process.exit())
process.once('message', (order: Order) => {
  process.on('message', (received: Received) => {
    waiting.get(received.id)?.(received)
    waiting.delete(received.id)
  })
  serve(order).catch((thrown: unknown) => report({ kind: 'failed', message: messageOf(thrown) }))
})

async function serve({ storage, study, ...rest }: Order): Promise<void> {
  const controls = study !== undefined && {
    controls: () => ({
      study,
      stop: () => void report({ kind: 'stop' }),
      enqueue: (architecture: Extract<Report, { kind: 'enqueue' }>['architecture']) =>
        new Promise<void>((resolve, reject) => {
          const id = sent++
          waiting.set(id, ({ problem }) => (problem === undefined ? resolve() : reject(new Error(problem))))
          report({ kind: 'enqueue', id, architecture })
        }),
    }),
  }
  const { url } = await serveDashboard({ studies: await storageAt(storage), ...rest, ...controls })
  report({ kind: 'open', url })
}
