import { describe, expect, it, vi } from 'vitest'
import { nextTurn } from '../../../core/platform.ts'
import { platform } from '../../../core/tensor/platform/browser.ts'

describe('the tensor room in a browser', () => {
  it('ARCHLOOM_TENSOR_BROWSER says what to do instead of writing a file', async () => {
    await expect(platform.replaceFile('a.safetensors', new Uint8Array(1))).rejects.toThrow(
      'ARCHLOOM_TENSOR_BROWSER: a browser has no way to write a.safetensors. Take the bytes of encodeSafetensors()',
    )
  })

  it('starts no processes to measure engines in', async () => {
    await expect(platform.probe('wasm', 1)).rejects.toThrow('a browser starts no processes')
  })

  it('reads files from addresses, and says why it cannot', async () => {
    expect(await platform.readFile('data:application/octet-stream;base64,AQI=')).toEqual(Uint8Array.of(1, 2))
    vi.stubGlobal('fetch', async () => new Response('', { status: 404, statusText: 'Not Found' }))
    await expect(platform.readFile('/none')).rejects.toThrow('the server answered 404 Not Found')
    vi.unstubAllGlobals()
  })
})

it('a turn lets messages through, without the wait of timers', async () => {
  vi.stubGlobal('setImmediate', undefined)
  const order: string[] = []
  const began = nextTurn().then(() => order.push('turn'))
  queueMicrotask(() => order.push('microtask'))
  await began
  await Promise.all([nextTurn(), nextTurn()])
  vi.unstubAllGlobals()
  expect(order).toEqual(['microtask', 'turn'])
})
