#!/usr/bin/env bash
# Packages: @tensorflow/tfjs-backend-webgpu and tfjs-core 4.22.0, on webgpu 0.6.2 (Dawn for Node).
#   Needs a Vulkan driver: a GPU's, or SwiftShader of Debian's chromium with libvulkan1.
# Behaviour: tf.pow of zero by a negative exponent is infinite for even exponents only; for odd ones it is finite or no
#   number, as if the sign of zero were multiplied in. The cpu backend gives infinity for all of them. There is no error.
# Output seen: webgpu 0,Infinity,NaN,Infinity (SwiftShader 5.0); cpu Infinity,Infinity,Infinity,Infinity for 0 to the powers -1, -2, -3, -4.
# Who is hurt: losses and normalisations by 1/x^n whose divergence at zero is watched for: the infinity never shows.
# Wrong guess: a power of zero by a negative whole number is infinite on every backend.
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
tf.registerBackend('here', () => new WebGPUBackend(device, adapter.info), 3)
tf.copyRegisteredKernels('webgpu', 'here')
const powers = async (backend) => {
  await tf.setBackend(backend)
  return [...(await tf.pow(tf.zeros([4]), tf.tensor1d([-1, -2, -3, -4])).data())]
}
const [there, here] = [await powers('cpu'), await powers('here')]
console.log(`webgpu ${here}; cpu ${there}`)
const isInfinite = (value) => value === Number.POSITIVE_INFINITY
const holds = there.every(isInfinite) && isInfinite(here[1]) && !isInfinite(here[0]) && !isInfinite(here[2])
if (!holds) console.log('changed: both backends agree now')
process.exit(holds ? 0 : 1)
JS
node run.mjs
