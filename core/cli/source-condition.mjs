/** A resolve hook: package entries resolve to their TypeScript source, as under `node --conditions=source`. */
export const resolve = (specifier, context, next) =>
  next(specifier, { ...context, conditions: [...new Set(['source', ...context.conditions])] })
