/** Nodes of a TensorFlow graph as tf.js writes them in model.json. */
export type AttributeValue =
  | { readonly s: string }
  | { readonly b: boolean }
  | { readonly i: string }
  | { readonly f: number }
  | { readonly type: string }
  | { readonly shape: { readonly dim?: readonly { readonly size: string }[] } }
  | { readonly tensor: { readonly dtype: string; readonly tensorShape: { dim?: readonly { size: string }[] } } }
  | { readonly list: { readonly i?: readonly string[]; readonly s?: readonly string[] } }

export interface NodeDef {
  readonly name: string
  readonly op: string
  readonly input?: readonly string[]
  readonly attr?: Readonly<Record<string, AttributeValue>>
}

/** Texts are base64 in JSON. */
export const text = (value: string): AttributeValue => ({ s: Buffer.from(value).toString('base64') })
export const flag = (b: boolean): AttributeValue => ({ b })
export const whole = (value: number): AttributeValue => ({ i: String(value) })
export const wholes = (values: readonly number[]): AttributeValue => ({ list: { i: values.map(String) } })
export const real = (f: number): AttributeValue => ({ f })
export const type = (dtype: string): AttributeValue => ({ type: typeNames[dtype] ?? 'DT_FLOAT' })
export const sizes = (shape: readonly number[]): AttributeValue => ({
  shape: { dim: shape.map((size) => ({ size: String(size) })) },
})

const typeNames: Readonly<Record<string, string>> = { float32: 'DT_FLOAT', int32: 'DT_INT32', bool: 'DT_BOOL' }

/** Reads attributes, whatever of them is there. */
export class Attributes {
  constructor(private readonly node: NodeDef) {}
  private get(name: string): Record<string, unknown> | undefined {
    return this.node.attr?.[name] as Record<string, unknown> | undefined
  }
  text(name: string, otherwise: string): string {
    const value = this.get(name)?.s
    return typeof value === 'string' ? Buffer.from(value, 'base64').toString() : otherwise
  }
  texts(name: string): string[] {
    const list = (this.get(name)?.list as { s?: string[] } | undefined)?.s ?? []
    return list.map((value) => Buffer.from(value, 'base64').toString())
  }
  flag(name: string): boolean {
    return this.get(name)?.b === true
  }
  number(name: string, otherwise: number): number {
    const { i, f } = (this.get(name) ?? {}) as { i?: string | number; f?: number }
    return i !== undefined ? Number(i) : (f ?? otherwise)
  }
  numbers(name: string): number[] {
    return ((this.get(name)?.list as { i?: (string | number)[] } | undefined)?.i ?? []).map(Number)
  }
  type(name: string): string {
    const given = this.get(name)?.type
    return Object.entries(typeNames).find(([, each]) => each === given)?.[0] ?? 'float32'
  }
}
