import { inflateRawSync } from 'node:zlib'
import { messageOf } from '../../../core/errors.ts'
import { error } from '../errors.ts'
import { type Unpickled, unpickle, unpickleFrom } from './pickle.ts'

/** What a member may unpack to, in bytes. */
const LARGEST = 2 * 1024 ** 3
/** The first pickle of a file that PyTorch before 1.6 wrote. */
const MAGIC = Number(0x1950a86a20f9469cfc6cn)

/** What `torch.save` wrote of plain data, in its zip format or the one before it. Error: ARCHLOOM_TABLE_CORRUPT. */
export function readTorchFile(bytes: Uint8Array, path: string): Unpickled {
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) return unpickle(zipMember(bytes, path, /(^|\/)data\.pkl$/), path)
  const first = unpickleFrom(bytes, path, 0)
  // A file that only pickle wrote.
  if (first.value !== MAGIC) return first.value
  // The number of the protocol, and facts about the machine.
  const { end } = unpickleFrom(bytes, path, unpickleFrom(bytes, path, first.end).end)
  return unpickleFrom(bytes, path, end).value
}

/** The first member of a zip archive whose name matches. */
function zipMember(bytes: Uint8Array, path: string, name: RegExp): Uint8Array {
  const refuse = (received: string, cause?: unknown) =>
    error(
      'ARCHLOOM_TABLE_CORRUPT',
      { path, received, expected: 'a zip archive with data.pkl, as torch.save writes it' },
      { cause },
    )
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  try {
    let end = bytes.length - 22
    while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end--
    if (end < 0) throw new RangeError('no directory')
    let at = view.getUint32(end + 16, true)
    for (let left = view.getUint16(end + 10, true); left > 0; left--) {
      if (view.getUint32(at, true) !== 0x02014b50) throw new RangeError('a directory that is damaged')
      const [names, extra, comment] = [28, 30, 32].map((field) => view.getUint16(at + field, true)) as [
        number,
        number,
        number,
      ]
      const member = Buffer.from(bytes.buffer, bytes.byteOffset + at + 46, names).toString('utf8')
      if (name.test(member)) {
        const [packed, size, from] = [20, 24, 42].map((field) => view.getUint32(at + field, true)) as [
          number,
          number,
          number,
        ]
        const data = from + 30 + view.getUint16(from + 26, true) + view.getUint16(from + 28, true)
        const content = bytes.subarray(data, data + packed)
        if (content.length !== packed) throw new RangeError(`${content.length} of ${packed} bytes of ${member}`)
        return view.getUint16(at + 10, true) === 0
          ? content
          : inflateRawSync(content, { maxOutputLength: Math.min(size + 1, LARGEST) })
      }
      at += 46 + names + extra + comment
    }
  } catch (cause) {
    throw refuse(`a zip archive that cannot be read (${messageOf(cause)})`, cause)
  }
  throw refuse('a zip archive without data.pkl')
}
