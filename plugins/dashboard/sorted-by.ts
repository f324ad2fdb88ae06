const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1
/** Which half of 64 bits comes first. */
const [LOW, HIGH] = isLittleEndian ? [0, 1] : [1, 0]
const LAST = 0xffffffff

/**
 * Indices sorted by their keys. Those with equal keys are ascending, and those whose key is NaN come last in either
 * direction. The engine's own sort of whole numbers does most of the work, because a sort with a function that compares
 * takes ten times as long, above all when it runs for the first time.
 * @param order ascending indices into `keys`.
 */
export function sortedBy(order: Uint32Array, keys: Float64Array, descending = false): Uint32Array {
  const count = order.length
  const bits = new Uint32Array(keys.buffer, keys.byteOffset, 2 * keys.length)
  // The upper half of each key as a whole number that sorts as the key does, followed by the index.
  const packed = new BigUint64Array(count)
  const words = new Uint32Array(packed.buffer)
  for (let k = 0; k < count; k++) {
    const i = order[k]!
    const key = keys[i]!
    // Both zeros are equal.
    if (key === 0) keys[i] = 0
    const half = bits[2 * i + HIGH]!
    const isNegative = half >>> 31 === 1
    const flipped = isNegative !== descending ? ~half : half
    words[2 * k + HIGH] = Number.isNaN(key) ? LAST : isNegative ? flipped : flipped ^ 0x80000000
    words[2 * k + LOW] = i
  }
  packed.sort()
  const sorted = new Uint32Array(count)
  for (let k = 0; k < count; k++) sorted[k] = words[2 * k + LOW]!
  const sign = descending ? -1 : 1
  const compare = (a: number, b: number) => sign * (keys[a]! - keys[b]!) || a - b
  // Keys whose upper halves are equal differ after six digits, or not at all.
  for (let begin = 0, end = 1; begin < count; begin = end++) {
    let isSorted = true
    for (; end < count && words[2 * end + HIGH] === words[2 * begin + HIGH]; end++)
      if (sign * (keys[sorted[end - 1]!]! - keys[sorted[end]!]!) > 0) isSorted = false
    if (!isSorted) sorted.subarray(begin, end).sort(compare)
  }
  return sorted
}
