/** What differs between platforms. This is the version for browsers; Node resolves `#platform` to core/node/platform.ts. */

/** Where studies are kept by default. */
export const defaultStorage = 'memory:studies'

const waiting: (() => void)[] = []
let channel: InstanceType<typeof MessageChannel> | undefined

/** Lets timers, messages and displays run. */
export const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve)
    else if (typeof MessageChannel !== 'function') setTimeout(resolve, 0)
    else {
      // Browsers make repeated timers wait for four milliseconds, which is longer than many evaluations take.
      if (!channel) {
        channel = new MessageChannel()
        channel.port1.addEventListener('message', () => waiting.shift()?.())
        channel.port1.start()
      }
      waiting.push(resolve)
      channel.port2.postMessage(null)
    }
  })
