/**
 * The only module that uses internals of onnxruntime-node: its public API is asynchronous, while tfjs kernels are
 * synchronous. The native binding behind the API runs a session synchronously, and is checked here member by member.
 */
import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { onnxRuntimeMissing } from '../../core/tensor/onnx-runtime.ts'
import { error } from './errors.ts'

/** What a session reads or writes: a typed array with its type and shape. */
export interface NativeTensor {
  readonly type: string
  readonly dims: readonly number[]
  data: ArrayBufferView
  readonly location: 'cpu'
}
type NativeTensors = Record<string, NativeTensor | null>

export interface NativeSession {
  loadModel(buffer: ArrayBuffer, byteOffset: number, byteLength: number, options: Record<string, unknown>): void
  run(feeds: NativeTensors, fetches: NativeTensors, options: Record<string, never>): unknown
  dispose(): void
}

export interface Binding {
  readonly version: string
  newSession(): NativeSession
  /**
   * Runs a session that writes all outputs into given arrays. The native code would then copy every output once more,
   * into new JavaScript tensors that are never read. It creates them in the graph's order by calling a constructor that
   * it received at start. While `run` is in progress, that constructor throws at the first output, a constant scalar
   * named `stop`, so the others are not copied. If another program has started the library before, its constructor is
   * called: this is slower, with the same values.
   */
  run(session: NativeSession, feeds: NativeTensors, fetches: NativeTensors): void
}

/** Name of the scalar output that every graph lists first. */
export const stopOutput = 'stop'
/** Below this number of output bytes, a copy is cheaper than an exception. */
const copyCheaperBelow = 32_768

interface NativeModule {
  binding: {
    InferenceSession: new () => NativeSession
    initOrtOnce(logLevel: number, tensor: unknown, isMainThread: boolean): void
  }
  initOrt(): void
}

/** How the package is loaded; tests pass substitutes. */
export interface BindingSource {
  load(path: string): unknown
  resolve(path: string): string
  readonly platform: string
  readonly arch: string
}

const require = createRequire(import.meta.url)
const installed: BindingSource = {
  load: require,
  resolve: require.resolve,
  platform: process.platform,
  arch: process.arch,
}

let loaded: Binding | undefined

/**
 * The installed package's binding: loaded once per process, because the library keeps the first constructor that it
 * receives.
 * @throws ARCHLOOM_ONNXRUNTIME_MISSING, ARCHLOOM_ONNXRUNTIME_PLATFORM, ARCHLOOM_ONNXRUNTIME_BINDING_MOVED
 */
export function loadBinding(): Binding {
  loaded ??= bindingFrom(installed)
  return loaded
}

export function bindingFrom(source: BindingSource): Binding {
  const { version, folder } = findPackage(source)
  checkPlatform(source, folder)
  const native = loadNative(source, version)
  const done = { done: true }
  let stopping = false
  const { Tensor } = source.load('onnxruntime-common') as { Tensor: new (...given: unknown[]) => object }
  const TensorOrStop = new Proxy(Tensor, {
    construct: (target, given) => {
      if (stopping) throw done
      return new target(...given)
    },
  })
  // Every error is thrown as an exception, so nothing needs to be printed.
  const fatalOnly = 4
  native.binding.initOrtOnce(fatalOnly, TensorOrStop, isMainThread)
  return {
    version,
    newSession: () => new native.binding.InferenceSession(),
    run: (session, feeds, fetches) => {
      let bytes = 0
      for (const name in fetches) bytes += fetches[name]?.data.byteLength ?? 0
      if (bytes < copyCheaperBelow) {
        session.run(feeds, fetches, {})
        return
      }
      stopping = true
      try {
        session.run(feeds, { ...fetches, [stopOutput]: null }, {})
      } catch (thrown) {
        if (thrown !== done) throw thrown
      } finally {
        stopping = false
      }
    },
  }
}

const missingRuntime = (cause: unknown) =>
  onnxRuntimeMissing(cause, 'the engine "onnxruntime" computes with', 'choose another engine')

function findPackage(source: BindingSource): { version: string; folder: string } {
  try {
    const { version } = source.load('onnxruntime-node/package.json') as { version: string }
    return { version, folder: dirname(source.resolve('onnxruntime-node/package.json')) }
  } catch (cause) {
    throw missingRuntime(cause)
  }
}

/** The library of each platform is in bin/napi-v…/platform/arch. */
function checkPlatform({ platform, arch }: BindingSource, folder: string): void {
  const names = (path: string) => (existsSync(path) ? readdirSync(path) : [])
  const supported = names(join(folder, 'bin')).flatMap((napi) =>
    names(join(folder, 'bin', napi)).flatMap((os) => names(join(folder, 'bin', napi, os)).map((cpu) => `${os}/${cpu}`)),
  )
  if (supported.length > 0 && !supported.includes(`${platform}/${arch}`))
    throw error('ARCHLOOM_ONNXRUNTIME_PLATFORM', { platform: `${platform}/${arch}`, supported })
}

function loadNative(source: BindingSource, version: string): NativeModule {
  let path: string
  try {
    path = source.resolve('onnxruntime-node/dist/binding.js')
  } catch (cause) {
    throw error('ARCHLOOM_ONNXRUNTIME_BINDING_MOVED', { version, missing: 'the file dist/binding.js' }, { cause })
  }
  let loaded: Partial<NativeModule>
  try {
    loaded = source.load(path) as Partial<NativeModule>
  } catch (cause) {
    throw missingRuntime(cause)
  }
  const missing = (
    [
      ['binding.InferenceSession', loaded.binding?.InferenceSession],
      ['binding.initOrtOnce', loaded.binding?.initOrtOnce],
      ['InferenceSession.loadModel', loaded.binding?.InferenceSession?.prototype?.loadModel],
      ['InferenceSession.run', loaded.binding?.InferenceSession?.prototype?.run],
      ['InferenceSession.dispose', loaded.binding?.InferenceSession?.prototype?.dispose],
    ] as const
  ).find(([, member]) => typeof member !== 'function')
  if (missing) throw error('ARCHLOOM_ONNXRUNTIME_BINDING_MOVED', { version, missing: missing[0] })
  return loaded as NativeModule
}
