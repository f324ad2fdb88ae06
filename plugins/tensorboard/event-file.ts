import Pbf from 'pbf'
import { maskedCrc32c } from './crc32c.ts'

type Write = (message: Pbf) => void
const message = (field: number, write: Write, to: Pbf) =>
  to.writeMessage(field, (inner: Write, pbf) => inner(pbf), write)

/** One TFRecord: length, its checksum, the data, its checksum. */
function record(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(16 + data.length)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, BigInt(data.length), true)
  view.setUint32(8, maskedCrc32c(bytes.subarray(0, 8)), true)
  bytes.set(data, 12)
  view.setUint32(12 + data.length, maskedCrc32c(data), true)
  return bytes
}

/** The time in milliseconds since 1970, and the step. */
export interface Moment {
  readonly at: number
  readonly step: number
}

const encode = (write: Write) => {
  const pbf = new Pbf()
  write(pbf)
  return record(pbf.finish())
}
const event = ({ at, step }: Moment, value: Write) =>
  encode((pbf) => {
    pbf.writeDoubleField(1, at / 1000)
    pbf.writeVarintField(2, step)
    message(5, (summary) => message(1, value, summary), pbf)
  })

/** The first record of every event file. */
export const fileHeader = (at: number): Uint8Array =>
  encode((pbf) => {
    pbf.writeDoubleField(1, at / 1000)
    pbf.writeStringField(3, 'brain.Event:2')
  })

export const scalarEvent = (moment: Moment, tag: string, value: number): Uint8Array =>
  event(moment, (pbf) => {
    pbf.writeStringField(1, tag)
    pbf.writeFloatField(2, value)
  })

const metadata =
  (plugin: string, dataClass: number, content: Uint8Array = new Uint8Array()): Write =>
  (pbf) => {
    message(
      1,
      (data) => {
        data.writeStringField(1, plugin)
        data.writeBytesField(2, content)
      },
      pbf,
    )
    if (dataClass > 0) pbf.writeVarintField(4, dataClass)
  }

const [DT_STRING, TENSOR, BLOB_SEQUENCE] = [7, 2, 3]

const strings =
  (values: readonly (string | Uint8Array)[], shape: readonly number[]): Write =>
  (pbf) => {
    pbf.writeVarintField(1, DT_STRING)
    message(
      2,
      (dims) => {
        for (const size of shape) message(2, (dim) => dim.writeVarintField(1, size), dims)
      },
      pbf,
    )
    for (const value of values)
      pbf.writeBytesField(8, typeof value === 'string' ? new TextEncoder().encode(value) : value)
  }

/** Markdown text. */
export const textEvent = (moment: Moment, tag: string, text: string): Uint8Array =>
  event(moment, (pbf) => {
    pbf.writeStringField(1, tag)
    message(8, strings([text], []), pbf)
    message(9, metadata('text', TENSOR), pbf)
  })

export interface EncodedImage {
  readonly width: number
  readonly height: number
  /** PNG or JPEG. */
  readonly data: Uint8Array
}

export const imageEvent = (moment: Moment, tag: string, { width, height, data }: EncodedImage): Uint8Array =>
  event(moment, (pbf) => {
    pbf.writeStringField(1, tag)
    message(8, strings([String(width), String(height), data], [3]), pbf)
    message(9, metadata('images', BLOB_SEQUENCE), pbf)
  })

export type HyperParameter = string | number | boolean

const contentOf = (write: Write) => {
  const pbf = new Pbf()
  write(pbf)
  return pbf.finish()
}
const hparams = (moment: Moment, tag: string, content: Write) =>
  event(moment, (pbf) => {
    pbf.writeStringField(1, tag)
    message(9, metadata('hparams', 0, contentOf(content)), pbf)
  })

/**
 * The hyperparameters of a trial, in the first event of its run. Numbers must not be NaN, which TensorBoard would drop.
 */
export const sessionStart = (
  moment: Moment,
  name: string,
  parameters: Readonly<Record<string, HyperParameter>>,
): Uint8Array =>
  hparams(moment, '_hparams_/session_start_info', (pbf) =>
    message(
      3,
      (start) => {
        for (const [key, value] of Object.entries(parameters))
          message(
            1,
            (entry) => {
              entry.writeStringField(1, key)
              message(
                2,
                (typed) => {
                  if (typeof value === 'string') typed.writeStringField(3, value)
                  else if (typeof value === 'boolean') typed.writeBooleanField(4, value)
                  else typed.writeDoubleField(2, value)
                },
                entry,
              )
            },
            start,
          )
        start.writeStringField(4, name)
        start.writeDoubleField(5, moment.at / 1000)
      },
      pbf,
    ),
  )

/** The end of a trial. */
export const sessionEnd = (moment: Moment, status: 'success' | 'failure'): Uint8Array =>
  hparams(moment, '_hparams_/session_end_info', (pbf) =>
    message(
      4,
      (end) => {
        end.writeVarintField(1, status === 'success' ? 1 : 2)
        end.writeDoubleField(2, moment.at / 1000)
      },
      pbf,
    ),
  )
