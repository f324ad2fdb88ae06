import { banditSpace, spaceContract, stockSpaces } from '../../../core/testing/index.ts'

for (const space of stockSpaces()) spaceContract(`the stock space ${space.name}`, space)
spaceContract('the bandit space', banditSpace(4, 4))
