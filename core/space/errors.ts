import { defineErrors, quote } from '../errors.ts'

export const error = defineErrors('space', {
  ARCHLOOM_SPACE_EMPTY_CHOICE: (d: { path: string; combinator: string }) =>
    `${d.combinator} at ${quote(d.path)} received no options; a choice needs at least one. Remove the decision or give it options.`,
  ARCHLOOM_SPACE_PART: (d: { path: string; received: unknown; expected: string }) =>
    `the part at ${quote(d.path)} is ${quote(d.received)}; expected ${d.expected}.`,
  ARCHLOOM_SPACE_DUPLICATE_OPTION: (d: { path: string; option: unknown }) =>
    `option ${quote(d.option)} is listed twice at ${quote(d.path)}; each option of a decision must be different.`,
  ARCHLOOM_SPACE_DUPLICATE_NAME: (d: { name: string; where: string }) =>
    `the name ${quote(d.name)} is used twice in ${d.where}; names must be unique. Rename one of them.`,
  ARCHLOOM_SPACE_RANGE: (d: { path: string; received: unknown; expected: string }) =>
    `the range at ${quote(d.path)} is ${quote(d.received)}; expected ${d.expected}.`,
  ARCHLOOM_SPACE_NULL_AMBIGUOUS: (d: { path: string }) =>
    `the part under when() at ${quote(d.path)} can itself be null, so null would mean two architectures; wrap it, as in product({ value: … }).`,
  ARCHLOOM_SPACE_CONSTRAINT_PATH: (d: { path: string; known: readonly string[] }) =>
    `a constraint names ${quote(d.path)}, which matches no decision; the decisions are ${quote(d.known, 400)}.`,
  ARCHLOOM_SPACE_CONSTRAINT_IMPOSSIBLE: (d: { space: string; constraints: readonly string[] }) =>
    `no architecture of space ${quote(d.space)} satisfies all its constraints (${d.constraints.join('; ')}). Loosen or remove one.`,
  ARCHLOOM_SPACE_CONSTRAINT_TOO_HARD: (d: { space: string; decision: string; nodes: number }) =>
    `no completion was found within ${d.nodes} steps at decision ${quote(d.decision)} of space ${quote(d.space)}; the constraints interact too strongly. State them over fewer decisions, or model the choice as one decision.`,
  ARCHLOOM_SPACE_NOT_ENUMERABLE: (d: { space: string; decision: string }) =>
    `space ${quote(d.space)} cannot be counted or enumerated: decision ${quote(d.decision)} is real-valued. Use integer() with a step for a finite range.`,
  ARCHLOOM_SPACE_UNKNOWN: (d: { name: string; known: readonly string[] }) =>
    `no search space is registered as ${quote(d.name)}; registered are ${quote(d.known, 400)}. Import the module that defines it, or call registerSearchSpace(space).`,
  ARCHLOOM_SPACE_NETWORK: (d: { space: string; received: string; remedy: string }) =>
    `the build function of space ${quote(d.space)} returned ${d.received}, which is not a Network. ${d.remedy}`,
  ARCHLOOM_GENOTYPE_INVALID: (d: { path: string; received: unknown; expected: string }) =>
    `genotype${d.path} is ${quote(d.received)}; expected ${d.expected}.`,
  ARCHLOOM_GENOTYPE_CONSTRAINT: (d: { genotype: string; constraint: string }) =>
    `genotype ${d.genotype} violates the constraint ${quote(d.constraint)}.`,
  ARCHLOOM_ARCHITECTURE_INVALID: (d: { path: string; received: unknown; expected: string }) =>
    `architecture at ${quote(d.path)} is ${quote(d.received)}; expected ${d.expected}.`,
})
