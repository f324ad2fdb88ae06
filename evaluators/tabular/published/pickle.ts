import { DEEPEST } from '../../../core/nesting.ts'
import { error } from '../errors.ts'

/** What a pickle of plain data holds. Whole numbers beyond 2⁵³ are rounded. */
export type Unpickled =
  | string
  | number
  | boolean
  | null
  | Uint8Array
  | readonly Unpickled[]
  | { readonly [key: string]: Unpickled }

/** A function or class that a pickle names; only those of plain data are known. */
interface Named {
  readonly named: string
}
/** A NumPy type, and the bytes of one of its numbers are read by it. */
interface NumberType {
  readonly numberType: string
}
const MARK = Symbol('mark')
type Item = string | number | boolean | null | symbol | Uint8Array | Named | NumberType | Item[] | Map<Item, Item>

const latin1 = new TextDecoder('latin1')
const utf8 = new TextDecoder('utf-8', { fatal: true })

const known = new Set([
  'collections OrderedDict',
  'numpy dtype',
  'numpy.core.multiarray scalar',
  'numpy._core.multiarray scalar',
  'builtins set',
  '__builtin__ set',
  // How protocol 2 writes bytes.
  '_codecs encode',
])
const readers: Readonly<Record<string, (view: DataView) => number>> = {
  f8: (view) => view.getFloat64(0, true),
  f4: (view) => view.getFloat32(0, true),
  i8: (view) => Number(view.getBigInt64(0, true)),
  i4: (view) => view.getInt32(0, true),
}

/**
 * Reads a Python pickle that holds plain data only: dictionaries, lists, tuples, sets, texts, numbers, NumPy's single
 * numbers. A pair as key of a dictionary is read as its members joined by a comma. It runs nothing: a pickle that names any
 * other class or function is refused by that name. Protocols 2 to 5, in which the published files are written.
 * Error: ARCHLOOM_TABLE_CORRUPT.
 */
export const unpickle = (bytes: Uint8Array, path: string): Unpickled => unpickleFrom(bytes, path, 0).value

/** Reads the pickle that starts at a byte, and says where it ends: a file may hold several. Error: ARCHLOOM_TABLE_CORRUPT. */
export function unpickleFrom(
  bytes: Uint8Array,
  path: string,
  from: number,
): { readonly value: Unpickled; readonly end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const stack: Item[] = []
  const memo = new Map<number, Item>()
  let at = from
  const refuse = (received: string) =>
    error('ARCHLOOM_TABLE_CORRUPT', { path, received, expected: 'a pickle of dictionaries, lists, texts and numbers' })
  const take = (count: number) => {
    if (!(count >= 0) || at + count > bytes.length) throw refuse(`${bytes.length} bytes, of which more are announced`)
    const from = at
    at += count
    return from
  }
  const slice = (count: number) => bytes.subarray(take(count), at)
  const line = () => {
    const end = bytes.indexOf(10, at)
    if (end < 0) throw refuse('a line without an end')
    const text = latin1.decode(bytes.subarray(at, end))
    at = end + 1
    return text
  }
  const text = (count: number) => utf8.decode(slice(count))
  const pop = () => {
    if (stack.length === 0) throw refuse('an operation without its operand')
    return stack.pop()!
  }
  const popMark = () => {
    const mark = stack.lastIndexOf(MARK)
    if (mark < 0) throw refuse('an operation without its mark')
    const items = stack.splice(mark)
    items.shift()
    return items
  }
  const long = (count: number) => {
    let value = 0n
    const digits = slice(count)
    for (let i = count - 1; i >= 0; i--) value = (value << 8n) | BigInt(digits[i]!)
    if (count > 0 && digits[count - 1]! >= 0x80) value -= 1n << BigInt(8 * count)
    return Number(value)
  }
  const fill = (items: readonly Item[]) => {
    const target = stack.at(-1)
    if (!(target instanceof Map) || items.length % 2 !== 0) throw refuse('entries of something that is no dictionary')
    for (let i = 0; i < items.length; i += 2) target.set(items[i]!, items[i + 1]!)
  }
  const extend = (items: readonly Item[]) => {
    const target = stack.at(-1)
    if (!Array.isArray(target)) throw refuse('members of something that is no list')
    target.push(...items)
  }
  const nameOf = (module: string, name: string): Named => {
    const named = `${module} ${name}`
    if (!known.has(named)) throw refuse(`the name ${module}.${name}, which is no plain data`)
    return { named }
  }
  const call = (what: Item, given: Item): Item => {
    if (typeof what !== 'object' || what === null || !('named' in what))
      throw refuse('a call of something that is no name')
    const { named } = what
    const parts = Array.isArray(given) ? given : []
    if (named === 'collections OrderedDict') return new Map()
    if (named.endsWith(' set')) return Array.isArray(parts[0]) ? parts[0] : []
    if (named === 'numpy dtype') return { numberType: String(parts[0]) }
    if (named === '_codecs encode') return Uint8Array.from(String(parts[0]), (c) => c.charCodeAt(0))
    const [type, data] = parts
    const isType = typeof type === 'object' && type !== null && 'numberType' in type
    const read = isType ? readers[type.numberType] : undefined
    if (!read || !(data instanceof Uint8Array)) throw refuse('a NumPy number of an unknown type')
    return read(new DataView(data.buffer, data.byteOffset, data.byteLength))
  }

  for (;;) {
    const code = bytes[take(1)]!
    switch (String.fromCharCode(code)) {
      case '\x80':
        take(1)
        break
      case '\x95':
        take(8)
        break
      case '.':
        return { value: plainOf(refuse)(pop()), end: at }
      case '(':
        stack.push(MARK)
        break
      case '0':
        pop()
        break
      case '1':
        popMark()
        break
      case '}':
        stack.push(new Map())
        break
      case ']':
      case ')':
      case '\x8f':
        stack.push([])
        break
      case 'd': {
        const items = popMark()
        stack.push(new Map())
        fill(items)
        break
      }
      case 'l':
      case 't':
      case '\x91':
        stack.push(popMark())
        break
      case '\x85':
        stack.push([pop()])
        break
      case '\x86': {
        const second = pop()
        stack.push([pop(), second])
        break
      }
      case '\x87': {
        const [third, second] = [pop(), pop()]
        stack.push([pop(), second, third])
        break
      }
      case 'N':
        stack.push(null)
        break
      case '\x88':
        stack.push(true)
        break
      case '\x89':
        stack.push(false)
        break
      case 'J':
        stack.push(view.getInt32(take(4), true))
        break
      case 'K':
        stack.push(bytes[take(1)]!)
        break
      case 'M':
        stack.push(view.getUint16(take(2), true))
        break
      case '\x8a':
        stack.push(long(bytes[take(1)]!))
        break
      case 'I': {
        const digits = line()
        stack.push(digits === '01' ? true : digits === '00' ? false : Number(digits))
        break
      }
      case 'L':
        stack.push(Number(line().replace(/L$/, '')))
        break
      case 'F':
        stack.push(Number(line()))
        break
      case 'G':
        stack.push(view.getFloat64(take(8), false))
        break
      case 'X':
        stack.push(text(view.getUint32(take(4), true)))
        break
      case '\x8c':
        stack.push(text(bytes[take(1)]!))
        break
      case 'U':
        stack.push(latin1.decode(slice(bytes[take(1)]!)))
        break
      case 'T':
        stack.push(latin1.decode(slice(view.getUint32(take(4), true))))
        break
      case 'C':
        stack.push(slice(bytes[take(1)]!))
        break
      case 'B':
        stack.push(slice(view.getUint32(take(4), true)))
        break
      case 'a': {
        const item = pop()
        extend([item])
        break
      }
      case 'e':
      case '\x90':
        extend(popMark())
        break
      case 's': {
        const value = pop()
        fill([pop(), value])
        break
      }
      case 'u':
        fill(popMark())
        break
      case 'q':
        memo.set(bytes[take(1)]!, stack.at(-1)!)
        break
      case 'r':
        memo.set(view.getUint32(take(4), true), stack.at(-1)!)
        break
      case '\x94':
        memo.set(memo.size, stack.at(-1)!)
        break
      case 'p':
        memo.set(Number(line()), stack.at(-1)!)
        break
      case 'h':
      case 'j':
      case 'g': {
        const key = code === 0x68 ? bytes[take(1)]! : code === 0x6a ? view.getUint32(take(4), true) : Number(line())
        if (!memo.has(key)) throw refuse('a reference to nothing')
        stack.push(memo.get(key)!)
        break
      }
      case 'c': {
        const module = line()
        stack.push(nameOf(module, line()))
        break
      }
      case '\x93': {
        const name = pop()
        stack.push(nameOf(String(pop()), String(name)))
        break
      }
      case 'R': {
        const given = pop()
        stack.push(call(pop(), given))
        break
      }
      case 'b': {
        // The byte order of a NumPy type.
        pop()
        const target = stack.at(-1)
        if (typeof target !== 'object' || target === null || !('numberType' in target))
          throw refuse('the state of an object')
        break
      }
      default:
        throw refuse(`operation 0x${code.toString(16)} at byte ${at - 1}`)
    }
  }
}

/**
 * Without maps and names; keys are texts. What a pickle refers to several times is made once: so its size is bounded by that
 * of the file.
 */
function plainOf(refuse: (received: string) => Error): (item: Item) => Unpickled {
  const made = new Map<Item, Unpickled>()
  const open = new Set<Item>()
  const isPlain = (item: Item): item is string | number | boolean | null | Uint8Array =>
    item === null || item instanceof Uint8Array || ['string', 'number', 'boolean'].includes(typeof item)
  const plain = (item: Item): Unpickled => {
    if (isPlain(item)) return item
    if (!Array.isArray(item) && !(item instanceof Map)) throw refuse('a class in place of data')
    const known = made.get(item)
    if (known !== undefined) return known
    if (open.has(item)) throw refuse('a value that contains itself')
    if (open.size > DEEPEST) throw refuse(`a value nested more than ${DEEPEST} levels deep`)
    open.add(item)
    const value = Array.isArray(item)
      ? item.map(plain)
      : Object.fromEntries([...item].map(([key, each]) => [keyOf(key), plain(each)]))
    open.delete(item)
    made.set(item, value)
    return value
  }
  const keyOf = (key: Item): string => {
    if (isPlain(key)) return String(key)
    if (Array.isArray(key) && key.every(isPlain)) return key.join()
    throw refuse('a key that is neither a text nor a number nor a tuple of them')
  }
  return plain
}
