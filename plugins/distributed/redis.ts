import type { Redis } from 'ioredis'
import { messageOf } from '../../core/errors.ts'
import { error } from './errors.ts'

export type { Redis } from 'ioredis'

/** Both are optional peer dependencies: they are loaded only for searches on many machines. */
export const INSTALL = 'npm install bullmq@6 ioredis@6'
const FALLBACK = 'redis://127.0.0.1:6379'
const CONNECT_MS = 10_000
const RETRY_MS = 1000
/** What connections meet while Redis is being restarted, and for how long a first connection waits for it. */
const IS_RESTARTING = /ECONNREFUSED|ECONNRESET|EPIPE|Connection is closed|LOADING/
const RESTART_MS = 3000

/** Loads both packages. Error: ARCHLOOM_DISTRIBUTED_INSTALL. */
export async function loaded<T>(missing: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (cause) {
    throw error('ARCHLOOM_DISTRIBUTED_INSTALL', { missing, install: INSTALL, message: messageOf(cause) }, { cause })
  }
}

/** Error: ARCHLOOM_DISTRIBUTED_INSTALL. */
export const loadBullmq = (): Promise<typeof import('bullmq')> => loaded('bullmq', () => import('bullmq'))
const loadIoredis = () => loaded('ioredis', () => import('ioredis'))

/** The address for display, without the password. */
export const shown = (url: string): string => url.replace(/^(\w+:\/\/)[^/]*@/, '$1…@')

/** Opens connections to one Redis. */
export interface RedisPlace {
  /** The address, without the password. */
  readonly url: string
  /** Opens a new connection, which reconnects for ever. Error: ARCHLOOM_DISTRIBUTED_REDIS. */
  connect(): Promise<Redis>
}

/**
 * The Redis at a URL; default: ARCHLOOM_REDIS, or that of this machine. The password may be in ARCHLOOM_REDIS_PASSWORD
 * (and the user in ARCHLOOM_REDIS_USER) instead of in the URL, where other programs of the machine can read it.
 * Error: ARCHLOOM_DISTRIBUTED_INSTALL, ARCHLOOM_DISTRIBUTED_REDIS.
 */
export async function redisAt(given: string | undefined, environment = process.env): Promise<RedisPlace> {
  const address = given ?? environment.ARCHLOOM_REDIS ?? FALLBACK
  const url = shown(address)
  if (!/^rediss?:\/\/[^/]/.test(address))
    throw error('ARCHLOOM_DISTRIBUTED_REDIS', { url, message: 'that is no such URL' })
  const { Redis } = await loadIoredis()
  const { ARCHLOOM_REDIS_PASSWORD: password, ARCHLOOM_REDIS_USER: username } = environment
  const options = {
    // BullMQ's blocking commands have no time limit; others wait until the server has restarted.
    maxRetriesPerRequest: null,
    retryStrategy: (times: number) => Math.min(50 * times, RETRY_MS),
    lazyConnect: true,
    ...(password && { password }),
    ...(username && { username }),
  }
  /** One attempt. Rejects with what Redis or the network said. */
  async function attempt(): Promise<Redis> {
    const client = new Redis(address, options)
    let last = ''
    // Without a listener, ioredis prints every failed attempt.
    client.on('error', (thrown: Error) => {
      last = thrown.message || thrown.name
    })
    let timer: NodeJS.Timeout | undefined
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(last || `no answer within ${CONNECT_MS / 1000} s`)), CONNECT_MS)
    })
    try {
      await Promise.race([client.connect().then(() => client.ping()), tooLate])
      return client
    } catch (cause) {
      client.disconnect()
      throw new Error(last || messageOf(cause), { cause })
    } finally {
      clearTimeout(timer)
    }
  }
  return {
    url,
    async connect() {
      // The first connection must succeed soon; later ones are tried again for ever.
      for (const began = performance.now(); ; )
        try {
          return await attempt()
        } catch (cause) {
          const message = messageOf(cause)
          if (!IS_RESTARTING.test(message) || performance.now() - began > RESTART_MS)
            throw error('ARCHLOOM_DISTRIBUTED_REDIS', { url, message }, { cause })
          await new Promise((resolve) => setTimeout(resolve, 100))
        }
    },
  }
}
