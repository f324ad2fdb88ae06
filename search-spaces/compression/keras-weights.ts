import { quote } from '../../core/errors.ts'
import type { KerasLayer, KerasModel } from './keras-model.ts'
import { error } from './prunable-errors.ts'
import type { Weights } from './prunable-graph.ts'
import type { SavedModel } from './saved-model.ts'

/** Finds the weights of layers among the stored weights. */
export interface KerasWeights {
  /**
   * Finds a weight of a layer by its exact name; otherwise the only weight whose name ends with it and that belongs to
   * no other layer. If several names are given, the first one that exists is used. Error: ARCHLOOM_PRUNABLE_MODEL if
   * there is no such weight, or more than one.
   */
  of(layer: KerasLayer, name: string, ...otherNames: readonly string[]): Weights
}

export function kerasWeights(
  { calls }: Pick<KerasModel, 'calls'>,
  { weights }: Pick<SavedModel, 'weights'>,
): KerasWeights {
  const refuse = (received: string, expected: string) => error('ARCHLOOM_PRUNABLE_MODEL', { received, expected })
  const stored = new Map<string, SavedModel['weights'][number]>()
  for (const each of weights) {
    // In files of Keras 2, names of variables end with the number of their output.
    const name = each.name.replace(/:0$/, '')
    if (stored.has(name)) throw refuse(`two weights named ${quote(name)}`, 'weights with unique names')
    stored.set(name, each)
  }
  const layers = new Set(calls.flatMap(({ layer }) => [layer.path, layer.name]))
  const ownerOf = (name: string) => name.split('/').slice(0, -1).join('/')
  /** Names without their first scopes: 'model/base/conv/kernel' is 'base/conv/kernel' and 'conv/kernel'. */
  const endings = new Map<string, string[]>()
  for (const name of stored.keys()) {
    // A weight with the exact name of a layer belongs to that layer.
    if (layers.has(ownerOf(name))) continue
    const parts = name.split('/')
    for (let from = 1; from < parts.length - 1; from++) {
      const ending = parts.slice(from).join('/')
      endings.set(ending, [...(endings.get(ending) ?? []), name])
    }
  }
  const sameName = new Map<string, Set<string>>()
  for (const { layer } of calls) sameName.set(layer.name, (sameName.get(layer.name) ?? new Set()).add(layer.path))

  const find = (layer: KerasLayer, name: string) => {
    const exact = stored.get(`${layer.path}/${name}`)
    if (exact) return exact
    const wanted = `${layer.name}/${name}`
    const candidates = new Set(endings.get(`${layer.path}/${name}`) ?? [])
    if (candidates.size === 0) {
      if (stored.has(wanted)) candidates.add(wanted)
      else for (const each of endings.get(wanted) ?? []) candidates.add(each)
      if (candidates.size > 0 && (sameName.get(layer.name)?.size ?? 0) > 1)
        throw refuse(
          `the weight ${quote(wanted)}, and ${sameName.get(layer.name)?.size} layers named ${quote(layer.name)}`,
          'names that identify its layer',
        )
    }
    if (candidates.size > 1)
      throw refuse(
        `${candidates.size} weights that could be ${quote(wanted)}: ${quote([...candidates].join(', '))}`,
        'one such weight, or one with exactly this name',
      )
    const [found] = candidates
    return found === undefined ? undefined : stored.get(found)
  }
  return {
    of: (layer, name, ...otherNames) => {
      const found = [name, ...otherNames].map((each) => find(layer, each)).find((each) => each !== undefined)
      if (found === undefined) throw refuse(`no weight "${layer.name}/${name}"`, 'every weight of its layers')
      const { shape, values, dtype } = found
      if (dtype !== 'float32') throw refuse(`the weight "${layer.path}/${name}" of type ${dtype}`, 'float32')
      return { shape, data: values as Float32Array }
    },
  }
}
