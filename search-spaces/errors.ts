import { defineErrors, quote } from '../core/errors.ts'

export const error = defineErrors('search-spaces', {
  ARCHLOOM_SPACE_INPUT_SHAPE: (d: { space: string; received: unknown }) =>
    `space ${quote(d.space)} received inputs of shape ${quote(d.received)}; expected images [height, width, channels] of positive integers. Give the shape of one image, without the batch.`,
  ARCHLOOM_SPACE_FEATURES: (d: { space: string; received: unknown }) =>
    `space ${quote(d.space)} received inputs of shape ${quote(d.received)}; expected features [count], a positive integer. Give the shape of one row, without the batch.`,
  ARCHLOOM_OPERATION_CHANNELS: (d: { operation: string; channelsIn: number; channelsOut: number }) =>
    `operation ${quote(d.operation)} cannot turn ${d.channelsIn} channels into ${d.channelsOut}; it keeps the number of channels. Put a convolution before it.`,
  ARCHLOOM_OPERATION_UNKNOWN: (d: { operation: string; known: readonly string[] }) =>
    `there is no operation ${quote(d.operation)}; expected one of ${quote(d.known, 400)}. Check the spelling.`,
  ARCHLOOM_ARCHITECTURE_TEXT: (d: { format: string; received: string; expected: string }) =>
    `${quote(d.received, 200)} is not a ${d.format}; expected ${d.expected}.`,
  ARCHLOOM_BENCHMARK_INDEX: (d: { benchmark: string; received: unknown; size: number }) =>
    `${d.benchmark} has no architecture number ${quote(d.received)}; expected an integer from 0 to ${d.size - 1}.`,
})
