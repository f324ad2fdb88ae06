/** Writes the protocol-buffer wire format. Chunks are kept until the end, so weights are copied only once. */
export class Message {
  private readonly chunks: Uint8Array[] = []
  private size = 0

  private push(chunk: Uint8Array): this {
    this.chunks.push(chunk)
    this.size += chunk.length
    return this
  }

  private varint(value: number | bigint): this {
    const bytes: number[] = []
    let rest = BigInt.asUintN(64, BigInt(value))
    while (rest > 127n) {
      bytes.push(Number(rest & 127n) | 128)
      rest >>= 7n
    }
    bytes.push(Number(rest))
    return this.push(Uint8Array.from(bytes))
  }

  int(field: number, value: number | bigint): this {
    return this.varint(field << 3).varint(value)
  }

  float(field: number, value: number): this {
    return this.varint((field << 3) | 5).push(new Uint8Array(new Float32Array([value]).buffer))
  }

  raw(field: number, value: Uint8Array): this {
    return this.varint((field << 3) | 2)
      .varint(value.length)
      .push(value)
  }

  text(field: number, value: string): this {
    return this.raw(field, new TextEncoder().encode(value))
  }

  /** Many numbers in one packed field: readers of the format accept packed and single numbers. */
  floats(field: number, values: ArrayLike<number>): this {
    return this.raw(field, new Uint8Array(Float32Array.from(values).buffer))
  }

  /** Non-negative integers below 2³¹, packed. */
  wholes(field: number, values: ArrayLike<number>): this {
    const bytes = new Uint8Array(5 * values.length)
    let at = 0
    for (let i = 0; i < values.length; i++) {
      let rest = values[i]!
      while (rest > 127) {
        bytes[at++] = (rest & 127) | 128
        rest >>>= 7
      }
      bytes[at++] = rest
    }
    return this.raw(field, bytes.subarray(0, at))
  }

  message(field: number, write: (message: Message) => void): this {
    const inner = new Message()
    write(inner)
    this.varint((field << 3) | 2).varint(inner.size)
    for (const chunk of inner.chunks) this.push(chunk)
    return this
  }

  finish(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.size)
    let at = 0
    for (const chunk of this.chunks) {
      bytes.set(chunk, at)
      at += chunk.length
    }
    return bytes
  }
}
