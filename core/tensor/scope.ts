import * as tf from '@tensorflow/tfjs-core'
import { optionNames } from '../options/index.ts'
import type { Random } from '../random.ts'
import type { ApplyMode } from '../trainer.ts'
import { error } from './errors.ts'
import { constant, type Fan, fanOf, type Initialiser } from './initialisers.ts'
import { batchNorm } from './layers/batch-norm.ts'

/** A function from a batch to a batch. Call inside a tidy. */
export type Layer = (x: tf.Tensor, mode: ApplyMode) => tf.Tensor

export interface NormalisationOptions {
  /** Whether to learn a scale and an offset. Default: true. */
  readonly affine?: boolean
  /** Whether a ReLU follows (engines fuse the two). Default: false. */
  readonly relu?: boolean
}

/** Builds the layer that normalises `channels`; its variables go into `scope` itself. */
export type Normalisation = (scope: VariableScope, options: NormalisationOptions & { channels: number }) => Layer

/** One saved variable as plain data. Names are paths in the scope, which are the same in every process. */
export interface WeightRecord {
  readonly name: string
  readonly shape: readonly number[]
  /** Row-major values; a copy. */
  readonly data: Float32Array
}

export interface ScopedVariable {
  /** Path from the root of the scope, as in 'cell_0/conv/kernel'. */
  readonly path: string
  /** 'weight' is trained; 'state' (such as running statistics) is only saved. */
  readonly kind: 'weight' | 'state'
  readonly variable: tf.Variable
}

/**
 * A tree of named variables, owned together. Initial values depend on the scope's generator and the variable's path
 * only, never on the order of creation.
 */
export interface VariableScope extends Disposable {
  /** Identifies the whole tree in this process: the tfjs names of its variables are `${id}/${path}`. */
  readonly id: string
  /** '' for the root. */
  readonly path: string
  /** The random generator of this scope. */
  readonly rng: Random
  /** The child scope of that name; repeated calls return the same scope. */
  child(name: string | number): VariableScope
  weight(name: string, shape: readonly number[], initialiser: Initialiser, fan?: Fan): tf.Variable
  /** Makes a variable that is saved but not trained, filled with a number. */
  state(name: string, shape: readonly number[], value: number): tf.Variable
  /**
   * Makes a layer of the normalisation that the root chose (default: batch norm); its variables belong to this scope.
   */
  normalise(channels: number, options?: NormalisationOptions): Layer
  /** Path of a name in this scope. */
  pathOf(name: string): string
  /** Everything at or below this scope, in order of creation. */
  list(): readonly ScopedVariable[]
  readonly trainable: readonly tf.Variable[]
  readonly stateful: readonly tf.Variable[]
  /** Names are relative to this scope. */
  save(): Promise<readonly WeightRecord[]>
  /** Sets every variable from its record. With `partial`, names that only one side has are ignored. */
  load(records: readonly WeightRecord[], options?: { partial?: boolean }): void
  /** Disposes everything at or below this scope. */
  dispose(): void
}

export interface VariableScopeOptions {
  readonly rng: Random
  readonly normalisation?: Normalisation
}

interface Lists {
  readonly version: number
  readonly all: readonly ScopedVariable[]
  readonly weights: readonly tf.Variable[]
  readonly states: readonly tf.Variable[]
}

// tfjs keeps all variables of a process in one table by name, so the serial number distinguishes networks.
let scopes = 0

const variableScopeNames = optionNames<VariableScopeOptions>('variableScope', { rng: true, normalisation: true })

/** The root of a new tree of variables. */
export function variableScope(options: VariableScopeOptions): VariableScope {
  variableScopeNames(options)
  const id = `archloom-${++scopes}`
  const variables = new Map<string, ScopedVariable>()
  const normalisation = options.normalisation ?? batchNorm
  let disposed = false
  // Lists are cached until a variable is added or removed, because supernets list their variables at every step.
  let version = 0

  const add = (path: string, kind: ScopedVariable['kind'], shape: readonly number[], values: Float32Array) => {
    if (disposed) throw error('ARCHLOOM_SCOPE_DISPOSED', { path })
    if (variables.has(path)) throw error('ARCHLOOM_SCOPE_DUPLICATE_NAME', { path })
    const initial = tf.tensor(values, [...shape], 'float32')
    const variable = tf.variable(initial, kind === 'weight', `${id}/${path}`)
    initial.dispose()
    variables.set(path, { path, kind, variable })
    version++
    return variable
  }

  const at = (path: string): VariableScope => {
    const prefix = path === '' ? '' : `${path}/`
    const children = new Map<string, VariableScope>()
    const rng = path === '' ? options.rng : options.rng.fork(path)
    const pathOf = (name: string) => {
      if (name === '' || name.includes('/')) throw error('ARCHLOOM_SCOPE_NAME_INVALID', { name })
      return prefix + name
    }
    let lists = { version: -1, all: [], weights: [], states: [] } as Lists
    const current = (): Lists => {
      if (lists.version === version) return lists
      const all = [...variables.values()].filter((entry) => entry.path.startsWith(prefix))
      const of = (kind: ScopedVariable['kind']) => all.flatMap((entry) => (entry.kind === kind ? [entry.variable] : []))
      lists = { version, all, weights: of('weight'), states: of('state') }
      return lists
    }
    const list = () => current().all

    const dispose = () => {
      for (const { path: name, variable } of list()) {
        variable.dispose()
        variables.delete(name)
      }
      version++
      if (path === '') disposed = true
    }

    const self: VariableScope = {
      id,
      path,
      rng,
      pathOf,
      list,
      child: (name) => {
        const key = String(name)
        const known = children.get(key)
        if (known) return known
        const made = at(pathOf(key))
        children.set(key, made)
        return made
      },
      weight: (name, shape, initialiser, fan) => {
        const variablePath = pathOf(name)
        return add(
          variablePath,
          'weight',
          shape,
          initialiser(shape, options.rng.fork(variablePath), fan ?? fanOf(shape)),
        )
      },
      state: (name, shape, value) =>
        add(pathOf(name), 'state', shape, constant(value)(shape, options.rng, fanOf(shape))),
      normalise: (channels, normalisationOptions = {}) => normalisation(self, { ...normalisationOptions, channels }),
      get trainable() {
        return current().weights
      },
      get stateful() {
        return current().states
      },
      save: async () => {
        if (disposed) throw error('ARCHLOOM_SCOPE_DISPOSED', { path })
        const entries = list()
        const values = await Promise.all(entries.map((entry) => entry.variable.data()))
        return entries.map((entry, i) => ({
          name: entry.path.slice(prefix.length),
          shape: [...entry.variable.shape],
          data: Float32Array.from(values[i] as Float32Array),
        }))
      },
      load: (records, { partial = false } = {}) => {
        if (disposed) throw error('ARCHLOOM_SCOPE_DISPOSED', { path })
        const entries = list()
        const received = new Map(records.map((record) => [record.name, record]))
        const known = new Set(entries.map((entry) => entry.path.slice(prefix.length)))
        const missing = [...known].filter((name) => !received.has(name))
        const unexpected = [...received.keys()].filter((name) => !known.has(name))
        if (!partial && missing.length > 0)
          throw error('ARCHLOOM_WEIGHTS_MISSING', { missing, received: received.size, expected: known.size })
        if (!partial && unexpected.length > 0) throw error('ARCHLOOM_WEIGHTS_UNEXPECTED', { unexpected })
        // Everything is checked before anything is changed.
        const pairs = entries.flatMap((entry) => {
          const record = received.get(entry.path.slice(prefix.length))
          return record ? [{ variable: entry.variable, record }] : []
        })
        for (const { variable, record } of pairs) check(variable, record)
        for (const { variable, record } of pairs) {
          const value = tf.tensor(Float32Array.from(record.data), variable.shape, 'float32')
          variable.assign(value)
          value.dispose()
        }
      },
      dispose,
      [Symbol.dispose]: dispose,
    }
    return self
  }
  return at('')
}

function check(variable: tf.Variable, { name, shape, data }: WeightRecord): void {
  if (shape.length !== variable.shape.length || shape.some((size, i) => size !== variable.shape[i]))
    throw error('ARCHLOOM_WEIGHTS_SHAPE_MISMATCH', { name, received: shape, expected: variable.shape })
  if (data.length !== variable.size)
    throw error('ARCHLOOM_WEIGHTS_LENGTH_MISMATCH', { name, received: data.length, expected: variable.size })
}
