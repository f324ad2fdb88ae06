import { among, either, flag, group, number, type OptionsOf, options, required } from '../../core/options/index.ts'

/** How the codes of the two domains are matched. */
export type LatentMatch =
  /** A critic cannot tell the codes of x from those of y: 𝔇(Q_Z1, Q_Z2), the relaxed objective's. */
  | 'mutual'
  /** A critic cannot tell either from N(0, I): 𝔇(P_Z, Q_Z), the theorem's constraint. */
  | 'prior'
  /** The maximum mean discrepancy of the two batches of codes (`inverseQuadraticMmd`): no critic, no game. */
  | 'mmd'
  /** Mean squared code, UNIT's divergence from N(0, I) with unit variance; codes of translations count as well. */
  | 'kl'

const weight = { min: 0 } as const
export const objectiveFields = {
  autoEncoder: number({ ...weight, default: 1, doc: 'Weight of c(x, G_x(E_x(x))) and of the same in y.' }),
  cycle: number({ ...weight, default: 1, doc: 'Weight of the cycles c(x, g(f(x))) and c(y, f(g(y))).' }),
  adversarial: either(
    [
      number(weight),
      group({
        x: required(number({ ...weight, doc: 'Weight of the first domain.' })),
        y: required(number({ ...weight, doc: 'Weight of the second domain.' })),
      }),
    ],
    {
      default: 0.1,
      doc: 'α and β: weights of the games over x and over y.',
    },
  ),
  latent: number({ ...weight, default: 0.1, doc: 'ρ: weight of the game over codes.' }),
  latentMatch: among(['mutual', 'prior', 'mmd', 'kl'], {
    default: 'mutual',
    doc: 'How the codes of the two domains are made to agree: see `LatentMatch`.',
  }),
  cycledFakes: flag({ default: true, doc: 'Triple GAN: cycled examples are fakes too, and real ones count twice.' }),
  distance: among(['l1', 'l2'], { default: 'l1', doc: 'c: mean absolute or mean squared difference.' }),
  adversary: among(['log', 'least-squares', 'wasserstein'], { default: 'log', doc: 'The loss of the games.' }),
  codeNoise: number({
    ...weight,
    default: 0,
    doc: 'Standard deviation of normal noise that codes get while training.',
  }),
  gradientPenalty: number({ ...weight, default: 10, doc: "Weight of the gradient penalty of 'wasserstein' critics." }),
}
const declared = options('joint objective', objectiveFields, { renamed: { penalty: 'gradientPenalty' } })
/** The relaxed objective and, by other weights, those of its baselines. */
export type JointObjective = OptionsOf<typeof declared>

export type Objective = Required<Omit<JointObjective, 'adversarial'>> & {
  readonly adversarial: { readonly x: number; readonly y: number }
}

/** Whether a critic judges codes. */
export const hasLatentGame = ({ latent, latentMatch }: Objective): boolean =>
  latent > 0 && (latentMatch === 'mutual' || latentMatch === 'prior')

/** Every option filled in and checked. Error: ARCHLOOM_OPTION. */
export function resolveObjective(given: JointObjective = {}): Objective {
  const { adversarial, ...rest } = declared.read(given)
  return { ...rest, adversarial: typeof adversarial === 'number' ? { x: adversarial, y: adversarial } : adversarial }
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
    latent: 0.001,
    latentMatch: 'kl',
    codeNoise: 1,
    cycledFakes: false,
    adversary: 'least-squares',
  },
  /** Two independent games, which match the marginals only. */
  independentGans: { autoEncoder: 0, cycle: 0, latent: 0, cycledFakes: false, adversarial: 1 },
} as const satisfies Readonly<Record<string, JointObjective>>
