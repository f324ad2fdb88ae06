/** The kinds of parts that `archloom new-plugin` can write. */
export const partKinds = ['controller', 'scheduler', 'space', 'evaluator', 'one-shot-method', 'observer'] as const
export type PartKind = (typeof partKinds)[number]
