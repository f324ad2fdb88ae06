import type { Random } from '../../core/index.ts'
import type { Transition } from './actor-critic.ts'

/**
 * The last transitions. They are stored as complete tuples, so the end of an episode is never paired with the start of
 * the next.
 */
export class Replay {
  readonly #capacity: number
  #items: Transition[] = []

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get items(): readonly Transition[] {
    return this.#items
  }

  set items(items: readonly Transition[]) {
    this.#items = [...items]
  }

  push(transition: Transition): void {
    this.#items.push(transition)
    if (this.#items.length > this.#capacity) this.#items.shift()
  }

  /** Draws up to n different transitions. */
  sample(n: number, rng: Random): Transition[] {
    const count = Math.min(n, this.#items.length)
    const places = new Set<number>()
    while (places.size < count) places.add(rng.int(this.#items.length))
    return [...places].map((place) => this.#items[place] as Transition)
  }
}
