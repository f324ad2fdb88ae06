import { expect, it, vi } from 'vitest'
import { openOnnx } from '../../../plugins/onnx/index.ts'

vi.mock('onnxruntime-node', () => {
  throw new Error('not installed')
})

it('says what to install where ONNX Runtime is absent', async () => {
  await expect(openOnnx(new Uint8Array(4))).rejects.toThrow(/ARCHLOOM_ONNX_RUNTIME_MISSING.*npm install/)
})
