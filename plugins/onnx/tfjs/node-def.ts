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
