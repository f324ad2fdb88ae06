import type { NetworkCost } from '../../core/index.ts'
import type { Limits } from './events.ts'

/** A file holds four bytes for each parameter, and the description of its operators. */
const BYTES_OF_PARAMETER = 4
const BYTES_OF_GRAPH = 6000

/** Integers have one byte for each parameter, and their scales beside them. */
const BYTES_OF_INTEGER = 1.1
const BYTES_OF_INTEGER_GRAPH = 24_000

export const bytesOf = ({ parameters }: NetworkCost, integers = false): number =>
  integers ? BYTES_OF_INTEGER * parameters + BYTES_OF_INTEGER_GRAPH : BYTES_OF_PARAMETER * parameters + BYTES_OF_GRAPH

export const costWithin = (cost: NetworkCost, { parameters, multiplyAdds, bytes, integers }: Limits): boolean =>
  cost.parameters <= (parameters ?? Number.POSITIVE_INFINITY) &&
  cost.multiplyAdds <= (multiplyAdds ?? Number.POSITIVE_INFINITY) &&
  bytesOf(cost, integers) <= (bytes ?? Number.POSITIVE_INFINITY)

/**
 * Whether a network that is also applied to the mirrored image meets the limits: it computes twice as much with the same
 * parameters, and its file describes the operators of both passes.
 */
export const mirroredWithin = ({ parameters, multiplyAdds }: NetworkCost, limits: Limits): boolean =>
  costWithin({ parameters, multiplyAdds: 2 * multiplyAdds }, limits) &&
  bytesOf({ parameters, multiplyAdds }, limits.integers) +
    (limits.integers ? BYTES_OF_INTEGER_GRAPH : BYTES_OF_GRAPH) <=
    (limits.bytes ?? Number.POSITIVE_INFINITY)

export function describeLimits({ parameters, multiplyAdds, bytes, maxLatencyMs }: Limits): string {
  const parts = [
    parameters !== undefined && `at most ${parameters} parameters`,
    multiplyAdds !== undefined && `at most ${multiplyAdds} multiply-adds`,
    bytes !== undefined && `at most ${bytes} bytes`,
    maxLatencyMs !== undefined && `at most ${maxLatencyMs} ms per prediction`,
  ].filter(Boolean)
  return parts.length === 0 ? 'no limits' : parts.join(', ')
}
