/** A shader of tfjs before it is compiled: the key says which, with its variants. */
interface Program {
  readonly shaderKey: string
  getUserCode(): string
}

/**
 * WGSL does not define exp, log, clamp and max for NaN, and in tfjs the maximum of no numbers is −10²⁰. On a GPU, a
 * network that has diverged may therefore continue with ordinary numbers and an ordinary loss. These changes to the
 * text of the shaders preserve NaN.
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
    // As elsewhere in tfjs: the largest of the numbers, or −∞ if there is none.
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

/** The program, with its text changed if one of the corrections applies to it. */
export function mendShader<P extends Program>(program: P): P {
  const found = mends.find(({ of }) => of.test(program.shaderKey))
  if (found) {
    const code = program.getUserCode.bind(program)
    program.getUserCode = () => found.mend(code())
  }
  return program
}
