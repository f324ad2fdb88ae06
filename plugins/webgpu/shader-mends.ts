/** A shader of tfjs before it is compiled: the key says which, with its variants. */
interface Program {
  readonly shaderKey: string
  getUserCode(): string
}

/**
 * Functions whose shaders lose small arguments, with their Taylor series around zero. Below 0.1 the terms that are left
 * out are less than a float's precision.
 */
const nearZero: readonly { readonly of: RegExp; readonly series: string }[] = [
  {
    of: /return exp\(a\) - 1\.0;|return \(exp\(a\) - 1\.0\);/,
    series: '1.0 + a / 2.0 * (1.0 + a / 3.0 * (1.0 + a / 4.0 * (1.0 + a / 5.0 * (1.0 + a / 6.0))))',
  },
  {
    of: /log\(1\.0 \+ a\)/,
    series:
      '1.0 - a / 2.0 + a * a / 3.0 - a * a * a / 4.0 + a * a * a * a / 5.0 - a * a * a * a * a / 6.0 + a * a * a * a * a * a / 7.0',
  },
  { of: /return asinh\(a\);/, series: '1.0 - s / 6.0 + 3.0 * s * s / 40.0 - 15.0 * s * s * s / 336.0' },
  { of: /return sign\(a\) \* \(1\.0 - e2x\)/, series: '1.0 - s / 3.0 + 2.0 * s * s / 15.0 - 17.0 * s * s * s / 315.0' },
  { of: /return asin\(a\);/, series: '1.0 + s / 6.0 + 3.0 * s * s / 40.0 + 15.0 * s * s * s / 336.0' },
  { of: /return atan\(a\);/, series: '1.0 - s / 3.0 + s * s / 5.0 - s * s * s / 7.0' },
  { of: /return atanh\(a\);/, series: '1.0 + s / 3.0 + s * s / 5.0 + s * s * s / 7.0' },
  { of: /return tan\(a\);/, series: '1.0 + s / 3.0 + 2.0 * s * s / 15.0 + 17.0 * s * s * s / 315.0' },
  { of: /return \(e2x - 1\.0 \/ e2x\)/, series: '1.0 + s / 6.0 + s * s / 120.0' },
  { of: /return sin\(a\);/, series: '1.0 - s / 6.0 + s * s / 120.0' },
]

/** The first lines of a function of `a`: NaN stays what it is, and small numbers are served by their series. */
function headOf(code: string): string {
  const series = nearZero.find(({ of }) => of.test(code))?.series
  // The exponential linear unit is an exponential below zero only.
  const isSmall = code.includes('if (a >= 0.0) { return a; }') ? 'a > -0.1 && a < 0.0' : 'abs(a) < 0.1'
  const small = series ? `\n        if (${isSmall}) { let s = a * a; return a * (${series}); }` : ''
  const nan = /\b(exp|log|clamp|a?(sin|cos|tan)h?)\(/.test(code) ? '\n        if (isnan(a)) { return a; }' : ''
  return nan + small
}

/**
 * WGSL does not define exp, log, clamp and max for NaN, and in tfjs the maximum of no numbers is −10²⁰. On a GPU, a
 * network that has diverged may therefore continue with ordinary numbers and an ordinary loss. These changes to the
 * text of the shaders preserve NaN, small numbers, and the gradient of the first of equal maxima.
 */
const mends: readonly { readonly of: RegExp; readonly mend: (code: string) => string }[] = [
  {
    of: /^unary_/,
    mend: (code) => code.replace('fn unaryOperation(a : f32) -> f32 {', (head) => `${head}${headOf(code)}`),
  },
  {
    // As elsewhere in tfjs, −∞ is the largest of no numbers; NaN is the largest of those among which it is.
    of: /^pool[23]D_max_false/,
    mend: (code) =>
      code
        .replace('-1.0 / pow(10.0, -20.0)', '-uniforms.INFINITY')
        .replace(
          'resultValue = max(value, resultValue);',
          'if (isnan(value) || (!isnan(resultValue) && value > resultValue)) { resultValue = value; }',
        ),
  },
  {
    // The average of no numbers is not a number.
    of: /^pool[23]D_avg/,
    mend: (code) =>
      code.replace('resultValue / max(count, 1.0)', 'select(resultValue / count, uniforms.NAN, count == 0.0)'),
  },
  {
    // The gradient belongs to the first of equal values, as on the other engines.
    of: /^pool[23]D_max_true/,
    mend: (code) =>
      code
        .replace('let currMaxValue = mix(value, maxValue, maxValueFound);', '')
        .replace('value >= currMaxValue', 'maxValueFound == 0.0 || value > maxValue'),
  },
  {
    of: /^softmax$/,
    mend: (code) =>
      `fn expOf(x : f32) -> f32 { if (isnan(x)) { return x; } return exp(x); }
      ${code.replaceAll(' exp(', ' expOf(')}`,
  },
]

/** In shaders of convolutions and products, which may apply an activation at their end. */
const activations = (code: string): string =>
  code
    .replace('return clamp(a, 0.0, 6.0);', 'if (isnan(a)) { return a; } return clamp(a, 0.0, 6.0);')
    .replace(
      /return (clamp\(a, vec4<f32>\(0\.0, 0\.0, 0\.0, 0\.0\), vec4<f32>\(6\.0, 6\.0, 6\.0, 6\.0\)\));/,
      'return select($1, a, isnanVec4(a));',
    )

/** The program, with its text changed if one of the corrections applies to it. */
export function mendShader<P extends Program>(program: P): P {
  const mend = mends.find(({ of }) => of.test(program.shaderKey))?.mend ?? activations
  const code = program.getUserCode.bind(program)
  program.getUserCode = () => mend(code())
  return program
}
