// The search itself, in a Web Worker: the page stays free to draw.
import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url'
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url'
import threaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url'
import { memoryStore, messageOf, type Search, type Store } from 'archloom'
import { browserWebgpu } from 'archloom/plugins/webgpu'
import { registerEngine, useEngine, wasmFilesAt } from 'archloom/tensor'
import type { FromWorker, ToWorker } from './messages.ts'
import { searchOf, type Wanted } from './searches.ts'

wasmFilesAt({
  'tfjs-backend-wasm.wasm': plain,
  'tfjs-backend-wasm-simd.wasm': simd,
  'tfjs-backend-wasm-threaded-simd.wasm': threaded,
})

registerEngine(browserWebgpu(() => import('@tensorflow/tfjs-backend-webgpu')))

const tell = (message: FromWorker) => postMessage(message)

/** A study whose events are sent to the page, which keeps them too. */
function toldStore(name: string): Store {
  const kept = memoryStore(name)
  return {
    ...kept,
    async append(events) {
      await kept.append(events)
      tell({ kind: 'events', events })
    },
  }
}

let running: Search<unknown> | undefined

async function start(wanted: Wanted, study: string): Promise<void> {
  if (wanted.task === 'training') {
    const { name, version, describe } = await useEngine(wanted.engine ?? 'wasm')
    tell({ kind: 'engine', name: `${name} ${version}`, describe })
  } else tell({ kind: 'engine', name: 'none', describe: 'Results are looked up, and nothing is computed.' })
  await using search = searchOf(wanted, toldStore(study))
  running = search as Search<unknown>
  await search.finish()
}

addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === 'stop') running?.stop('stopped on the page')
  else
    start(data.wanted, data.study).then(
      () => tell({ kind: 'ended' }),
      (thrown: unknown) => tell({ kind: 'failed', message: messageOf(thrown) }),
    )
})
