const N = 624
const M = 397

/**
 * The generator of CPython's `random` module: MT19937 (Matsumoto and Nishimura, 1998) with the seeding of
 * `init_by_array`. It only reproduces orders that published programs drew with it; everything else uses `Random`.
 */
export function mersenneTwister(seed: number): () => number {
  const state = new Uint32Array(N)
  const previous = (i: number) => {
    const word = state[i - 1] as number
    return word ^ (word >>> 30)
  }
  state[0] = 19650218
  for (let i = 1; i < N; i++) state[i] = Math.imul(1812433253, previous(i)) + i
  let i = 1
  const wrap = () => {
    if (++i < N) return
    state[0] = state[N - 1] as number
    i = 1
  }
  for (let k = 0; k < N; k++) {
    state[i] = (state[i]! ^ Math.imul(previous(i), 1664525)) + seed
    wrap()
  }
  for (let k = 1; k < N; k++) {
    state[i] = (state[i]! ^ Math.imul(previous(i), 1566083941)) - i
    wrap()
  }
  state[0] = 0x8000_0000

  let used = N
  const twist = () => {
    for (let k = 0; k < N; k++) {
      const y = (state[k]! & 0x8000_0000) | (state[(k + 1) % N]! & 0x7fff_ffff)
      state[k] = state[(k + M) % N]! ^ (y >>> 1) ^ (y & 1 ? 0x9908_b0df : 0)
    }
    used = 0
  }
  /** A word of 32 bits. */
  return () => {
    if (used === N) twist()
    let y = state[used++] as number
    y ^= y >>> 11
    y ^= (y << 7) & 0x9d2c_5680
    y ^= (y << 15) & 0xefc6_0000
    return (y ^ (y >>> 18)) >>> 0
  }
}

/** Shuffles like `random.seed(seed); random.shuffle(items)` of CPython 3. Returns a new array. */
export function pythonShuffle<T>(items: readonly T[], seed: number): T[] {
  const next = mersenneTwister(seed)
  const below = (n: number) => {
    const bits = 32 - Math.clz32(n)
    for (;;) {
      const drawn = next() >>> (32 - bits)
      if (drawn < n) return drawn
    }
  }
  const out = [...items]
  for (let i = out.length - 1; i > 0; i--) {
    const j = below(i + 1)
    ;[out[i], out[j]] = [out[j] as T, out[i] as T]
  }
  return out
}
