import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { messageOf } from '../../core/errors.ts'
import { optionNames } from '../../core/options/index.ts'
import { error } from './errors.ts'
import { napiVersion, wheelFolder } from './package.ts'

export interface WheelOptions {
  /** Where to build; the engine looks in the default, `wheelFolder()`. */
  readonly folder?: string
  /** Version of the wheel tensorflow-cpu. Default 2.15.1, the last whose C library matches tfjs-node's addon. */
  readonly version?: string
  /** Called at the beginning of each step. */
  readonly onStep?: (step: string) => void
}

/** tfjs-node that is installed for the addon; its install script, which downloads another library, does not run. */
const TFJS_NODE = '@tensorflow/tfjs-node@4.22.0'
/** The headers of Node-API; the headers of Node itself are not needed. */
const NODE_HEADERS = 'node-api-headers@1'

/** The headers that the addon includes, and the libraries, among 1 GB of other files in the wheel. */
const wanted = [
  'tensorflow/include/tensorflow/c/',
  'tensorflow/include/tensorflow/core/platform/',
  'tensorflow/include/tsl/c/',
  'tensorflow/include/tsl/platform/',
  'tensorflow/libtensorflow_cc.so.2',
  'tensorflow/libtensorflow_framework.so.2',
]

const buildFromWheelNames = optionNames<WheelOptions>('buildFromWheel', { folder: true, version: true, onStep: true })

/**
 * Builds a working tfjs-node if its own library cannot be downloaded: the package from npm, its addon compiled from
 * the sources it ships, against the TensorFlow library of the wheel `tensorflow-cpu`. Takes a minute or two and
 * 900 MB. Does nothing if it was built before.
 * @returns the folder, for a program to require from.
 * @throws ARCHLOOM_TENSORFLOW_BUILD
 */
export async function buildFromWheel(options: WheelOptions = {}): Promise<string> {
  buildFromWheelNames(options)
  const { folder = wheelFolder(), version = '2.15.1', onStep = () => undefined } = options
  const step = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    onStep(name)
    try {
      await work()
    } catch (thrown) {
      throw error('ARCHLOOM_TENSORFLOW_BUILD', { step: name, reason: lastLines(thrown) }, { cause: thrown })
    }
  }
  const target = join(folder, 'node_modules/@tensorflow/tfjs-node')
  const [libraries, wheels, unpacked] = ['deps/lib', 'wheel', 'unpacked'].map((name, i) =>
    join(i === 0 ? target : folder, name),
  ) as [string, string, string]
  const done = join(folder, `tensorflow-${version}.done`)
  if (existsSync(done)) return folder

  await step('check the platform', async () => {
    if (process.platform !== 'linux' || process.arch !== 'x64')
      throw new Error(`the wheel is for linux x64, this is ${process.platform} ${process.arch}`)
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'package.json'), '{ "private": true }\n')
  })
  await step('install tfjs-node', () =>
    run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', TFJS_NODE, NODE_HEADERS], folder),
  )
  await step('download the wheel', () =>
    run('python3', ['-m', 'pip', 'download', ...pipOptions, '-d', wheels, `tensorflow-cpu==${version}`], folder),
  )
  await step('unpack the library', async () => {
    await run('python3', ['-c', unpack, wheels, unpacked, ...wanted], folder)
    await mkdir(libraries, { recursive: true })
    for (const name of ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'])
      await rename(join(unpacked, 'tensorflow', name), join(libraries, name))
  })
  await step('compile the addon', async () => {
    const { binary } = JSON.parse(await readFile(join(target, 'package.json'), 'utf8'))
    const addons = join(target, 'lib', `napi-v${napiVersion(binary)}`)
    await mkdir(addons, { recursive: true })
    const sources = ['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(target, 'binding', name))
    const flags = ['-std=c++17', '-O2', '-shared', '-fPIC', `-DNAPI_VERSION=${napiVersion(binary)}`]
    const includes = [
      join(folder, 'node_modules/node-api-headers/include'),
      join(unpacked, 'tensorflow/include'),
    ].flatMap((path) => ['-I', path])
    const linked = ['-l:libtensorflow_cc.so.2', '-l:libtensorflow_framework.so.2', '-Wl,-rpath,$ORIGIN/../../deps/lib']
    const module = '-DNODE_GYP_MODULE_NAME=tfjs_binding'
    const output = join(addons, 'tfjs_binding.node')
    const all = [...flags, module, ...includes, ...sources, '-o', output, '-L', libraries, ...linked]
    await run(process.env.CXX || 'c++', all, folder)
  })
  await step('multiply with it', () => run(process.execPath, ['-e', trial], folder))
  await step('clear up', async () => {
    for (const path of [wheels, unpacked]) await rm(path, { recursive: true, force: true })
    await writeFile(done, '')
  })
  return folder
}

/** The same wheel for every version of Python, because its Python code is not used. */
const pipOptions = [
  '--quiet',
  '--no-deps',
  '--only-binary=:all:',
  '--python-version=3.11',
  '--implementation=cp',
  '--platform=manylinux_2_17_x86_64',
  '--platform=manylinux2014_x86_64',
]

const unpack = `
import sys, glob, zipfile
wheels, target, *wanted = sys.argv[1:]
with zipfile.ZipFile(glob.glob(wheels + '/*.whl')[0]) as wheel:
    wheel.extractall(target, [name for name in wheel.namelist() if name.startswith(tuple(wanted))])
`

const trial = `
process.env.TF_CPP_MIN_LOG_LEVEL = '2'
const util = require('util')
util.isNullOrUndefined ??= (value) => value == null
util.isArray ??= Array.isArray
const tf = require('@tensorflow/tfjs-node')
const [first] = tf.matMul(tf.ones([2, 3]), tf.ones([3, 2])).dataSync()
if (first !== 3) throw new Error('multiplied ones to ' + first)
`

const run = (command: string, args: readonly string[], cwd: string) =>
  promisify(execFile)(command, [...args], { cwd, maxBuffer: 1 << 26 })

/** The end of the output of a failed command; the beginning repeats its arguments. */
const lastLines = (thrown: unknown): string => {
  const { stderr } = thrown as { stderr?: string }
  return (stderr?.trim() || messageOf(thrown)).slice(-600)
}
