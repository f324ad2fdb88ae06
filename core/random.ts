/**
 * Seeded, forkable randomness. The generator is xoshiro128** (Blackman & Vigna, 2018); forks are seeded by hashing
 * (state at creation, label), so a fork's stream depends on its label only, never on how often its parent was used.
 */
export interface Random {
  /** Uniform in [0, 1), 32 bits. */
  float(): number
  /** Uniform integer in [0, n). */
  int(n: number): number
  /** Standard normal (Box–Muller). */
  normal(): number
  /** One element, uniformly. */
  pick<T>(items: readonly T[]): T
  /** A new array in random order. */
  shuffle<T>(items: readonly T[]): T[]
  /** Index drawn in proportion to non-negative weights (they need not sum to 1). */
  weighted(weights: ArrayLike<number>): number
  /** An independent generator named by the label. */
  fork(label: string | number): Random
  /** A seed for tfjs in [1, 2³¹): never 0, which tfjs takes as "no seed". */
  tensorSeed(): number
  snapshot(): RandomState
  restore(state: RandomState): void
}

/** Plain data: origin (fork identity) and the four 32-bit words of the generator. */
export interface RandomState {
  readonly origin: readonly [number, number, number, number]
  readonly words: readonly [number, number, number, number]
}

type Words = [number, number, number, number]

/** Hashes any text to 128 bits (four murmur-style lanes), for seeding only, not for security. */
function hashWords(text: string): Words {
  let [a, b, c, d] = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 0x85ebca6b]
  for (let i = 0; i < text.length; i++) {
    const k = text.charCodeAt(i)
    a = b ^ Math.imul(a ^ k, 597399067)
    b = c ^ Math.imul(b ^ k, 2869860233)
    c = d ^ Math.imul(c ^ k, 951274213)
    d = a ^ Math.imul(d ^ k, 2716044179)
  }
  a = Math.imul(c ^ (a >>> 18), 597399067)
  b = Math.imul(d ^ (b >>> 22), 2869860233)
  c = Math.imul(a ^ (c >>> 17), 951274213)
  d = Math.imul(b ^ (d >>> 19), 2716044179)
  a ^= b ^ c ^ d
  b ^= a
  c ^= a
  d ^= a
  // xoshiro must not start at all zeros.
  return [a >>> 0, b >>> 0, c >>> 0, d >>> 0 || 1]
}

const rotate = (x: number, k: number) => (x << k) | (x >>> (32 - k))

function generator(origin: Words): Random {
  let [s0, s1, s2, s3]: Words = [...origin]
  const next = (): number => {
    const result = Math.imul(rotate(Math.imul(s1, 5), 7), 9)
    const t = s1 << 9
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= t
    s3 = rotate(s3, 11)
    return result >>> 0
  }
  const float = () => next() / 0x1_0000_0000
  const int = (n: number) => Math.floor(float() * n)
  const self: Random = {
    float,
    int,
    normal: () => Math.sqrt(-2 * Math.log(1 - float())) * Math.cos(2 * Math.PI * float()),
    pick: <T>(items: readonly T[]) => items[int(items.length)] as T,
    shuffle: <T>(items: readonly T[]) => {
      const out = [...items]
      for (let i = out.length - 1; i > 0; i--) {
        const j = int(i + 1)
        ;[out[i], out[j]] = [out[j] as T, out[i] as T]
      }
      return out
    },
    weighted: (weights) => {
      let total = 0
      for (let i = 0; i < weights.length; i++) total += weights[i] as number
      let left = float() * total
      let last = 0
      for (let i = 0; i < weights.length; i++) {
        if (weights[i]! <= 0) continue
        last = i
        left -= weights[i] as number
        if (left < 0) return i
      }
      return last
    },
    fork: (label) => generator(hashWords(`${origin.join(',')}/${label}`)),
    tensorSeed: () => 1 + int(0x7fff_fffe),
    snapshot: () => ({ origin: [...origin], words: [s0 >>> 0, s1 >>> 0, s2 >>> 0, s3 >>> 0] }),
    restore: (state) => {
      origin = [...state.origin]
      ;[s0, s1, s2, s3] = state.words
    },
  }
  return self
}

/** A generator from a seed. Same seed, same stream; every number (and 0) is a valid seed. */
export const seeded = (seed: number | string): Random => generator(hashWords(`archloom:${seed}`))
