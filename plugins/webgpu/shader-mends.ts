/** A shader of tfjs before it is compiled: the key says which, with its variants. */
interface Program {
  readonly shaderKey: string
  getUserCode(): string
}

/**
 * WGSL lets exp, log, clamp and max do as they please with NaN, and tfjs's largest of no numbers is −10²⁰: on a GPU a
 * network that has diverged may go on with ordinary numbers, and its loss looks sound. These changes to the text of
 * the shaders keep NaN what it is.
 */
const mends: readonly { readonly of: RegExp; readonly mend: (code: string) => string }[] = [
  {
    of: /^unary_/,
    mend: (code) =>
      /\b(exp|log|clamp|a?(sin|cos|tan)h)\(/.test(code)
        ? code.replace('fn unaryOperation(a : f32) -> f32 {', (head) => `${head}\n        if (isnan(a)) { return a; }`)
        : code,
  },
  {
    // As elsewhere in tfjs: the largest of the numbers, and −∞ where there is none.
    of: /^pool[23]D_max_false/,
    mend: (code) =>
      code
        .replace('-1.0 / pow(10.0, -20.0)', '-uniforms.INFINITY')
        .replace('resultValue = max(value, resultValue);', (update) => `if (!isnan(value)) { ${update} }`),
  },
  {
    of: /^softmax$/,
    mend: (code) =>
      `fn expOf(x : f32) -> f32 { if (isnan(x)) { return x; } return exp(x); }
      ${code.replaceAll(' exp(', ' expOf(')}`,
  },
]

/** The program with its text changed where one of the mends is meant for it. */
export function mendShader<P extends Program>(program: P): P {
  const found = mends.find(({ of }) => of.test(program.shaderKey))
  if (found) {
    const code = program.getUserCode.bind(program)
    program.getUserCode = () => found.mend(code())
  }
  return program
}
