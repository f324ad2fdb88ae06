import type { OneShotDefinition } from '../../evaluators/weight-sharing/index.ts'

/** Each weight step trains the path of an architecture that is drawn uniformly, decision by decision. */
export const uniformPaths: OneShotDefinition['strategy'] = ({ space, trainer, train }) => ({
  weights: (epoch) =>
    train(epoch, async (batch, noise) => ({
      ...(await trainer.step(space.decode(space.random(noise)), batch, noise)),
    })),
  save: () => null,
  restore: () => {},
})
