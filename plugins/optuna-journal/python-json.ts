const bare: Readonly<Record<string, string>> = { NaN: 'NaN', Infinity: 'Infinity', '-Infinity': '-Infinity' }

/** JSON as Python's json module reads it: NaN, Infinity and -Infinity are tokens. Undefined fields are left out. */
export function pythonJson(value: unknown): string {
  if (typeof value === 'number') return bare[String(value)] ?? JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${pythonJson(field)}`).join(',')}}`
}

/** Parses text that `pythonJson` or Python wrote. Throws if it is not JSON. */
export function parsePythonJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    // Tokens occur only outside of strings, so strings are matched first and kept.
    const quoted = line.replace(/"(?:\\.|[^"\\])*"|-?\bInfinity\b|\bNaN\b/g, (found) =>
      found.startsWith('"') ? found : 'null',
    )
    return JSON.parse(quoted)
  }
}
