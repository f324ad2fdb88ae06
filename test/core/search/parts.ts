import { type Controller, type ControllerFactory, definePlugin, defineSpace, oneOf, product, repeat } from 'archloom'

/** 3⁴ architectures; the sum of the digits is a natural metric. */
export const digits = defineSpace('digits', product({ digit: repeat(4, () => oneOf(0, 1, 2)) }))
export const sum = (architecture: { readonly digit: readonly number[] }) =>
  architecture.digit.reduce((a, b) => a + b, 0)

/** Remembers the best and mutates it: its proposals depend on everything it was told, in order. */
export const climber: ControllerFactory = (space) => {
  let best: { genotype: readonly number[]; reward: number } | undefined
  const told: number[] = []
  const controller: Controller = {
    propose: (rng) => ({ genotype: best ? space.mutate(best.genotype, rng) : space.random(rng), context: told.length }),
    observe(observations) {
      for (const { trial, reward, proposal } of observations) {
        told.push(trial)
        if (reward !== undefined && reward >= (best?.reward ?? Number.NEGATIVE_INFINITY))
          best = { genotype: proposal.genotype, reward }
      }
      return { told: told.length }
    },
    [Symbol.dispose]() {},
  }
  return controller
}

export const climbing = (factory: ControllerFactory = climber) =>
  definePlugin({
    name: 'climbing',
    provides: ['controller'],
    needs: ['space'],
    bind: ({ controller }) => controller.to(factory),
  })
