/** Processor time of a trial of one strategy; JSON on stdin and stdout, see proposals.ts. */
import { readFileSync } from 'node:fs'
import { defineSpace, integer, oneOf, product, real, repeat, seeded } from 'archloom'
import { bayesianSearch } from 'archloom/plugins/gp'
import { geneticSearch } from 'archloom/plugins/nsga2'
import { treeParzen } from 'archloom/plugins/tpe'

const spaces = {
  mixed: defineSpace(
    'mixed',
    product({
      reals: repeat(4, () => real(0, 1)),
      integers: repeat(3, () => integer(0, 9)),
      categories: repeat(3, () => oneOf('a', 'b', 'c', 'd')),
    }),
  ),
  choices: defineSpace('choices', product({ digits: repeat(10, () => oneOf(0, 1, 2, 3, 4)) })),
}
const factories = { gp: bayesianSearch(), tpe: treeParzen(), nsga2: geneticSearch() }

const { strategy, space: kind, told, measured, objectives: count } = JSON.parse(readFileSync(0, 'utf8'))
const space = spaces[kind]

/** Two objectives that disagree, larger is better. */
function objectivesOf(genotype) {
  const shares = genotype.map((value, i) => {
    const decision = space.decisions[i]
    return decision.kind === 'real' ? value : value / (decision.options.length - 1)
  })
  const near = (centre) => -shares.reduce((sum, share, i) => sum + (share - ((centre * (i + 1)) % 1)) ** 2, 0)
  return [near(0.37), near(0.71)]
}

function measure(told, measured) {
  const rng = seeded(1)
  const controller = factories[strategy](space, rng.fork('controller'))
  const observe = (trial, genotype) => {
    const objectives = objectivesOf(genotype).slice(0, count)
    controller.observe([{ trial, proposal: { genotype }, reward: objectives[0], objectives, metrics: {} }])
  }
  for (let trial = 0; trial < told; trial++) observe(trial, space.random(rng.fork(`told/${trial}`)))
  const began = process.cpuUsage()
  for (let trial = told; trial < told + measured; trial++) {
    const proposal = controller.propose(rng.fork(`propose/${trial}`))
    if (typeof proposal === 'string') throw new Error(`${strategy} answers ${proposal}`)
    observe(trial, proposal.genotype)
  }
  const { user, system } = process.cpuUsage(began)
  controller[Symbol.dispose]()
  return (user + system) / 1000 / measured
}

// Once more, so that the compiler has warmed up.
measure(Math.min(told, 1000), Math.min(measured, 2000))
console.log(JSON.stringify({ milliseconds: measure(told, measured) }))
