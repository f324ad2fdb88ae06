/** Finds an adapter for the tests: a GPU, or SwiftShader as Chromium ships it. */
import { existsSync } from 'node:fs'
import { engine } from '../../../plugins/webgpu/index.ts'

const swiftShader = ['/usr/lib/chromium', '/usr/lib64/chromium-browser', '/opt/google/chrome', '/snap/chromium/current']
  .map((folder) => `${folder}/vk_swiftshader_icd.json`)
  .find((path) => existsSync(path))

// The Vulkan loader reads it when the first instance is made. A machine without a GPU has no other driver to hide.
if (swiftShader && !process.env.VK_DRIVER_FILES && !existsSync('/dev/dri') && !existsSync('/dev/nvidiactl'))
  process.env.VK_DRIVER_FILES = swiftShader

export const availability = await engine.available()

/** Why the tests that need an adapter are skipped; part of their title. */
export const skipped = availability.ok ? '' : ` (skipped: ${availability.reason})`
