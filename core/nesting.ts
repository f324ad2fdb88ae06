/** JSON that is nested deeper than this is refused where it is read, because functions that walk through it may not end. */
export const DEEPEST = 200

/** Whether a value that was parsed from JSON is nested at most `left` levels deep. */
export const isShallow = (value: unknown, left = DEEPEST): boolean => {
  if (typeof value !== 'object' || value === null) return true
  if (left === 0) return false
  for (const key in value) if (!isShallow((value as Readonly<Record<string, unknown>>)[key], left - 1)) return false
  return true
}
