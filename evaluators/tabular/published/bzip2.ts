/** What a file may unpack to, in bytes. */
const LARGEST = 2 * 1024 ** 3

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let crc = n << 24
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1
  return crc >>> 0
})

const tooShort = () => new RangeError('the end of the file came too early')

/** Reads bits, the most significant first. Error: RangeError at the end of the bytes. */
class Bits {
  readonly #bytes: Uint8Array
  #at = 0
  #held = 0
  #count = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** At most 24 bits. */
  read(bits: number): number {
    while (this.#count < bits) {
      if (this.#at >= this.#bytes.length) throw tooShort()
      this.#held = ((this.#held << 8) | this.#bytes[this.#at++]!) >>> 0
      this.#count += 8
    }
    this.#count -= bits
    const value = (this.#held >>> this.#count) & ((1 << bits) - 1)
    this.#held &= (1 << this.#count) - 1
    return value
  }

  /** The next bits, at most 24, without taking them; zeros after the end. */
  peek(bits: number): number {
    while (this.#count < bits) {
      const byte = this.#at < this.#bytes.length ? this.#bytes[this.#at]! : 0
      this.#at++
      this.#held = ((this.#held << 8) | byte) >>> 0
      this.#count += 8
    }
    return (this.#held >>> (this.#count - bits)) & ((1 << bits) - 1)
  }

  /** Takes bits that were seen by `peek`. */
  skip(bits: number): void {
    this.#count -= bits
    this.#held &= (1 << this.#count) - 1
    if (8 * (this.#at - this.#bytes.length) > this.#count) throw tooShort()
  }

  /** 48 bits, as a number. */
  word48(): number {
    return this.read(24) * 2 ** 24 + this.read(24)
  }

  word32(): number {
    return ((this.read(16) << 16) | this.read(16)) >>> 0
  }

  /** Skips to the next whole byte and says whether there is one. */
  more(): boolean {
    this.#count -= this.#count % 8
    this.#held &= 2 ** this.#count - 1
    return this.#at - this.#count / 8 < this.#bytes.length
  }
}

const BLOCK = 0x314159265359
const END = 0x177245385090
/** Symbols are decoded with another table every so many symbols. */
const GROUP = 50
const LONGEST = 20

/** Codes up to this length are looked up at once. */
const DIRECT = 10

interface Codes {
  /** For each beginning of DIRECT bits: 32 · symbol + length of its code; 0: the code is longer. */
  readonly direct: Uint16Array
  /** The largest code of each length; -1: there is none. */
  readonly limits: Int32Array
  /** What is subtracted from a code of each length to get its place in `symbols`. */
  readonly offsets: Int32Array
  readonly symbols: Uint16Array
}

function codesOf(lengths: Uint8Array): Codes {
  const direct = new Uint16Array(1 << DIRECT)
  const limits = new Int32Array(LONGEST + 1).fill(-1)
  const offsets = new Int32Array(LONGEST + 1)
  const symbols = new Uint16Array(lengths.length)
  let [code, placed] = [0, 0]
  for (let length = 1; length <= LONGEST; length++) {
    offsets[length] = code - placed
    for (let symbol = 0; symbol < lengths.length; symbol++)
      if (lengths[symbol] === length) {
        symbols[placed++] = symbol
        const rest = DIRECT - length
        if (rest >= 0) direct.fill(32 * symbol + length, code << rest, (code + 1) << rest)
        limits[length] = code++
      }
    code <<= 1
  }
  return { direct, limits, offsets, symbols }
}

function symbolOf(bits: Bits, { direct, limits, offsets, symbols }: Codes): number {
  const seen = bits.peek(LONGEST)
  const found = direct[seen >>> (LONGEST - DIRECT)]!
  if (found > 0) {
    bits.skip(found & 31)
    return found >>> 5
  }
  for (let length = DIRECT + 1; length <= LONGEST; length++) {
    const code = seen >>> (LONGEST - length)
    if (code > limits[length]!) continue
    bits.skip(length)
    return symbols[code - offsets[length]!]!
  }
  throw new RangeError('a code that its table does not hold')
}

/** The bytes of a block after the Burrows-Wheeler transform: run lengths of zeros, and moves to the front. */
function symbolsOf(bits: Bits, size: number): Uint8Array {
  const used: number[] = []
  const groups = bits.read(16)
  for (let i = 0; i < 16; i++) {
    if (!(groups & (0x8000 >> i))) continue
    const members = bits.read(16)
    for (let j = 0; j < 16; j++) if (members & (0x8000 >> j)) used.push(16 * i + j)
  }
  const tables = bits.read(3)
  const count = bits.read(15)
  if (used.length === 0 || tables < 2 || tables > 6 || count === 0) throw new RangeError('a block without codes')
  const order = Array.from({ length: tables }, (_, i) => i)
  const selectors = Uint8Array.from({ length: count }, () => {
    let back = 0
    while (bits.read(1) === 1) if (++back >= tables) throw new RangeError('a table that is not there')
    const [table] = order.splice(back, 1)
    order.unshift(table!)
    return table!
  })
  const alphabet = used.length + 2
  const codes = order.map(() => {
    let length = bits.read(5)
    const lengths = Uint8Array.from({ length: alphabet }, () => {
      while (bits.read(1) === 1) length += bits.read(1) === 1 ? -1 : 1
      if (length < 1 || length > LONGEST) throw new RangeError(`a code of ${length} bits`)
      return length
    })
    return codesOf(lengths)
  })
  const out = new Uint8Array(size)
  let [length, at, left] = [0, 0, 0]
  let table: Codes | undefined
  let [run, weight] = [0, 1]
  for (;;) {
    if (left === 0) {
      table = codes[selectors[at++] ?? -1]
      if (!table) throw new RangeError('too few tables')
      left = GROUP
    }
    left--
    const symbol = symbolOf(bits, table!)
    if (symbol <= 1) {
      run += weight << symbol
      weight *= 2
      if (run > size) throw new RangeError('a block that is larger than its file says')
      continue
    }
    if (length + run > size) throw new RangeError('a block that is larger than its file says')
    out.fill(used[0]!, length, length + run)
    length += run
    ;[run, weight] = [0, 1]
    if (symbol === alphabet - 1) return out.subarray(0, length)
    if (length >= size) throw new RangeError('a block that is larger than its file says')
    const [byte] = used.splice(symbol - 1, 1)
    used.unshift(byte!)
    out[length++] = byte!
  }
}

/**
 * Unpacks bzip2, also several streams one after the other. Errors: RangeError for damage, and for more than `largest` bytes.
 */
export function bunzip2(bytes: Uint8Array, largest = LARGEST): Uint8Array {
  const bits = new Bits(bytes)
  let out = new Uint8Array(Math.min(largest, Math.max(1024, 8 * bytes.length)))
  let length = 0
  const push = (byte: number, times: number) => {
    if (length + times > largest) throw new RangeError(`it unpacks to more than ${largest} bytes`)
    if (length + times > out.length) {
      const larger = new Uint8Array(Math.min(largest, 2 * out.length + times))
      larger.set(out)
      out = larger
    }
    for (let i = 0; i < times; i++) out[length++] = byte
  }
  do {
    if (bits.read(24) !== 0x425a68) throw new RangeError('no bzip2 header')
    const level = bits.read(8) - 0x30
    if (level < 1 || level > 9) throw new RangeError('no bzip2 header')
    const size = 100_000 * level
    let combined = 0
    for (;;) {
      const magic = bits.word48()
      const sum = bits.word32()
      if (magic === END) {
        if (sum !== combined) throw new RangeError('a wrong checksum')
        break
      }
      if (magic !== BLOCK) throw new RangeError('neither a block nor an end')
      if (bits.read(1) === 1) throw new RangeError('a block of the obsolete randomised kind')
      const start = bits.read(24)
      const last = symbolsOf(bits, size)
      if (start >= last.length) throw new RangeError('a block whose start is outside it')
      // The inverse of the transform: where each byte's successor is.
      const firsts = new Uint32Array(257)
      for (const byte of last) firsts[byte + 1]!++
      for (let byte = 0; byte < 256; byte++) firsts[byte + 1]! += firsts[byte]!
      const next = new Uint32Array(last.length)
      for (let i = 0; i < last.length; i++) next[firsts[last[i]!]!++] = i
      let crc = 0xffffffff
      let place = next[start]!
      let [same, before] = [0, -1]
      for (let i = 0; i < last.length; i++) {
        const byte = last[place]!
        place = next[place]!
        let times = 1
        if (same === 4) {
          // After four equal bytes comes the number of further ones.
          times = byte
          same = 0
        } else {
          same = byte === before ? same + 1 : 1
          before = byte
        }
        push(before, times)
        for (let n = 0; n < times; n++) crc = ((crc << 8) ^ CRC_TABLE[((crc >>> 24) ^ before) & 0xff]!) >>> 0
        if (same === 0) before = -1
      }
      crc = ~crc >>> 0
      if (crc !== sum) throw new RangeError('a wrong checksum')
      combined = (((combined << 1) | (combined >>> 31)) ^ crc) >>> 0
    }
  } while (bits.more())
  return out.subarray(0, length)
}
