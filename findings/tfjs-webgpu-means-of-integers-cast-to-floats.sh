#!/usr/bin/env bash
# Packages: @tensorflow/tfjs-backend-webgpu and tfjs-core 4.22.0, on webgpu 0.6.2 (Dawn for Node).
#   Needs a Vulkan driver: a GPU's, or SwiftShader of Debian's chromium with libvulkan1.
# Behaviour: tf.cast of an integer tensor to float32 shares its buffer of integers. Elementwise kernels convert on reading, but
#   the transposition inside tf.mean over height and width copies raw values, and its shader does not compile: the device reports
#   a type mismatch, and the promise of the mean resolves to zeros.
# Output seen: webgpu 0,0 and the report "type mismatch" (SwiftShader 5.0); cpu 4.5,5.5 for the means of an image of 2x2 pixels.
# Who is hurt: networks that receive images as integers and pool them globally: without a listener for errors of the device
#   there are only zeros.
# Wrong guess: after a cast to float32 a tensor behaves like any other float tensor.
# Exits 1 if the behaviour changes, 2 without an adapter.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
driver=/usr/lib/chromium/vk_swiftshader_icd.json
if [ -z "${VK_DRIVER_FILES:-}" ] && [ -e "$driver" ] && [ ! -e /dev/dri ]; then export VK_DRIVER_FILES=$driver; fi
npm init -y >/dev/null
npm install --no-audit --no-fund --silent @tensorflow/tfjs-core@4.22.0 @tensorflow/tfjs-backend-cpu@4.22.0 \
  @tensorflow/tfjs-backend-webgpu@4.22.0 webgpu@0.6.2 >/dev/null
cat >run.mjs <<'JS'
import { create, globals } from 'webgpu'
Object.assign(globalThis, globals)
const gpu = create([])
Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true })
const adapter = await gpu.requestAdapter()
if (!adapter) {
  console.log('no adapter: not measured')
  process.exit(2)
}
const tf = await import('@tensorflow/tfjs-core')
await import('@tensorflow/tfjs-backend-cpu')
const { WebGPUBackend } = await import('@tensorflow/tfjs-backend-webgpu')
const device = await adapter.requestDevice()
let reported = ''
device.addEventListener('uncapturederror', (event) => {
  event.preventDefault()
  reported ||= event.error.message.split('\n')[0]
})
// Small tensors would otherwise be computed on the processor.
tf.env().set('WEBGPU_CPU_FORWARD', false)
tf.registerBackend('here', () => new WebGPUBackend(device, adapter.info), 3)
tf.copyRegisteredKernels('webgpu', 'here')
const means = async (backend) => {
  await tf.setBackend(backend)
  const image = tf.tensor4d([1, 2, 3, 4, 6, 7, 8, 9], [1, 2, 2, 2], 'int32')
  return [...(await tf.mean(tf.cast(image, 'float32'), [1, 2]).data())]
}
const there = await means('cpu')
const here = await means('here')
await new Promise((resolve) => setTimeout(resolve, 200))
console.log(`webgpu ${here}${reported ? ` (${reported})` : ''}; cpu ${there}`)
const holds = `${there}` === '4.5,5.5' && `${here}` !== '4.5,5.5' && /type mismatch/.test(reported)
if (!holds) console.log('changed: both backends agree now')
process.exit(holds ? 0 : 1)
JS
node run.mjs
