export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)

/** `edgegpu_latency` → `edgegpuLatency`. */
export const camel = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

export const mean = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / values.length
