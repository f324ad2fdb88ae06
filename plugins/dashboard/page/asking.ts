import { useEffect, useRef, useState } from 'preact/hooks'
import type { Source } from '../protocol.ts'
import { fromServer } from './from-server.ts'

export interface Answer<T> {
  readonly data?: T
  readonly problem?: string
}

let source: Source = fromServer

/** Takes answers and news from elsewhere than the server of the page. Call it before anything is shown. */
export function answerFrom(other: Source): void {
  source = other
}

/** Asks for an answer. Throws an Error with the message of whoever refuses it. */
export const ask = async <T>(path: string, init?: Parameters<Source['ask']>[1]): Promise<T> =>
  (await source.ask(path, init)) as T

export const follow: Source['follow'] = (...given) => source.follow(...given)

/** Milliseconds between two questions of one kind at least. */
const REST_MS = 700

/**
 * The server's answer, asked for anew when the path or the version changes. While a new version is on its way the last
 * answer stays. Questions wait for one another, and longer where the answer takes long.
 */
export function useAnswer<T>(path: string | undefined, version: number | string = 0): Answer<T> {
  const [answer, setAnswer] = useState<Answer<T> & { readonly path?: string }>({})
  const asked = useRef({ path: '', nextAt: 0 })
  useEffect(() => {
    if (path === undefined) return
    let isOver = false
    const isNew = asked.current.path !== path
    const wait = isNew ? 0 : Math.max(0, asked.current.nextAt - performance.now())
    const timer = setTimeout(async () => {
      const began = performance.now()
      asked.current = { path, nextAt: began + REST_MS }
      try {
        const data = await ask<T>(path)
        if (!isOver) setAnswer({ data, path })
      } catch (thrown) {
        if (!isOver) setAnswer({ problem: thrown instanceof Error ? thrown.message : String(thrown), path })
      }
      const now = performance.now()
      asked.current = { path, nextAt: now + Math.max(REST_MS, 4 * (now - began)) }
    }, wait)
    return () => {
      isOver = true
      clearTimeout(timer)
    }
  }, [path, version])
  return answer.path === path ? answer : {}
}
