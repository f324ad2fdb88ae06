import { type Constraint, type Infer, oneOf, product, repeat } from '../../core/space/index.ts'

/** The four operations of the micro space (Duan et al., arXiv:2105.11871), in the benchmark's order. */
export const transNasOperations = ['none', 'skip_connect', 'nor_conv_1x1', 'nor_conv_3x3'] as const

/** What a module of the macro space does to its input, in the benchmark's order: its digit is the position plus 1. */
export const transNasModules = ['normal', 'channels', 'resolution', 'both'] as const

const edge = () => oneOf(...transNasOperations)

/** Node 0 is the cell's input, node 3 its output; `node2.from1` is the operation on the edge from node 1 to node 2. */
export const transNasMicroDecisions = product({
  node1: product({ from0: edge() }),
  node2: product({ from0: edge(), from1: edge() }),
  node3: product({ from0: edge(), from1: edge(), from2: edge() }),
})
export type TransNasMicro = Infer<typeof transNasMicroDecisions>

export const transNasMacroDecisions = product({
  modules: repeat({ min: 4, max: 6 }, () => oneOf(...transNasModules)),
})
export type TransNasMacro = Infer<typeof transNasMacroDecisions>

/** At least one and at most `most` modules are among those named. */
const between = (modules: readonly (typeof transNasModules)[number][], most: number, what: string): Constraint => {
  const counts = (value: unknown) => modules.some((module) => module === value)
  return {
    paths: ['modules.*'],
    description: `1 to ${most} modules ${what}`,
    possible(values, open) {
      const chosen = values.filter((value, i) => !open[i] && counts(value)).length
      return chosen <= most && (chosen > 0 || open.includes(true))
    },
  }
}

/** As in the paper: the resolution is halved one to four times, the channels are doubled one to three times. */
export const transNasMacroConstraints: readonly Constraint[] = [
  between(['resolution', 'both'], 4, 'halve the resolution'),
  between(['channels', 'both'], 3, 'double the channels'),
]
