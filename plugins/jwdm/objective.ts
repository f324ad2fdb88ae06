import type { Adversary } from '../../evaluators/training/adversarial/index.ts'
import { error } from './errors.ts'

/** How the codes of the two domains are made to agree. */
export type LatentMatch =
  /** A critic cannot tell the codes of x from those of y: 𝔇(Q_Z1, Q_Z2), the relaxed objective's. */
  | 'mutual'
  /** A critic cannot tell either from N(0, I): 𝔇(P_Z, Q_Z), the theorem's constraint. */
  | 'prior'
  /** The maximum mean discrepancy of the two batches of codes (`inverseQuadraticMmd`): no critic, no game. */
  | 'mmd'
  /** Mean squared code, UNIT's divergence from N(0, I) with unit variance; codes of translations count as well. */
  | 'kl'

/** The relaxed objective and, by other weights, those of its baselines. */
export interface JointObjective {
  /** Weight of c(x, G_x(E_x(x))) and of the same in y. Default 1. */
  readonly autoEncoder?: number
  /** Weight of the cycles c(x, g(f(x))) and c(y, f(g(y))). Default 1. */
  readonly cycle?: number
  /** α and β: weights of the games over x and over y. Default 0.1. */
  readonly adversarial?: number | { readonly x: number; readonly y: number }
  /** ρ: weight of the game over codes. Default 0.1. */
  readonly latent?: number
  /** Default 'mutual'. */
  readonly latentMatch?: LatentMatch
  /** Triple GAN: cycled examples are fakes too, and real ones count twice. Default true. */
  readonly cycledFakes?: boolean
  /** c: mean absolute or mean squared difference. Default 'l1'. */
  readonly distance?: 'l1' | 'l2'
  /** Default 'log'. */
  readonly adversary?: Adversary
  /** Standard deviation of normal noise that codes get while training. Default 0. */
  readonly codeNoise?: number
  /** Of the gradient penalty of 'wasserstein' critics. Default 10. */
  readonly gradientPenalty?: number
}

export type Objective = Required<Omit<JointObjective, 'adversarial'>> & {
  readonly adversarial: { readonly x: number; readonly y: number }
}

/** Whether a critic judges codes. */
export const hasLatentGame = ({ latent, latentMatch }: Objective): boolean =>
  latent > 0 && (latentMatch === 'mutual' || latentMatch === 'prior')

const WHERE = 'joint objective'

/** Every option filled in and checked. Error: ARCHLOOM_JWDM_OPTION. */
export function resolveObjective(options: JointObjective = {}): Objective {
  const { autoEncoder = 1, cycle = 1, adversarial = 0.1, latent = 0.1, codeNoise = 0, gradientPenalty = 10 } = options
  const { latentMatch = 'mutual', cycledFakes = true, distance = 'l1', adversary = 'log' } = options
  const games = typeof adversarial === 'number' ? { x: adversarial, y: adversarial } : adversarial
  const weights = { autoEncoder, cycle, latent, codeNoise, gradientPenalty }
  const named = { ...weights, 'adversarial.x': games.x, 'adversarial.y': games.y }
  for (const [option, received] of Object.entries(named))
    if (!(typeof received === 'number' && received >= 0 && Number.isFinite(received)))
      throw error('ARCHLOOM_JWDM_OPTION', { where: WHERE, option, received, expected: 'a number of at least 0' })
  const choices = {
    latentMatch: ['mutual', 'prior', 'mmd', 'kl'],
    distance: ['l1', 'l2'],
    adversary: ['log', 'least-squares', 'wasserstein'],
  }
  const chosen = { latentMatch, distance, adversary }
  for (const [option, known] of Object.entries(choices)) {
    const received = chosen[option as keyof typeof chosen]
    if (!known.includes(received))
      throw error('ARCHLOOM_JWDM_OPTION', { where: WHERE, option, received, expected: `one of ${known.join(', ')}` })
  }
  return { ...weights, ...chosen, cycledFakes, adversarial: games }
}

/**
 * Objectives by name, all with reconstruction at weight 1 (CycleGAN writes its λ = 10 on the other side, UNIT 10 against
 * 1; Adam does not see a common factor).
 */
export const objectives = {
  /** The relaxed joint objective: auto-encoding, cycles, triple games in both domains, a game over codes. */
  jwdm: {},
  /** CycleGAN (Zhu et al. 2017): least-squares games and cycles. */
  cycleGan: { autoEncoder: 0, latent: 0, cycledFakes: false, adversary: 'least-squares' },
  /** UNIT (Liu et al. 2017): noisy codes held near N(0, I), auto-encoding, cycles, least-squares games; no weight sharing. */
  unit: {
    ...{ latent: 0.001, latentMatch: 'kl', codeNoise: 1 },
    ...{ cycledFakes: false, adversary: 'least-squares' },
  },
  /** Two games that do not know of each other: the marginals alone. */
  independentGans: { autoEncoder: 0, cycle: 0, latent: 0, cycledFakes: false, adversarial: 1 },
} as const satisfies Readonly<Record<string, JointObjective>>
