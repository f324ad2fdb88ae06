/** How a series becomes what a model reads. Plain JSON: saved in model.json. */
export interface LabelledSeriesPlan {
  /** Columns of numbers, one for each channel. */
  readonly channels: readonly string[]
  /** Whether a model reads the steps themselves or summaries of them. */
  readonly reads: 'steps' | 'summaries'
  /** Steps that a network reads. Longer series are resampled to this, shorter ones are padded with zeros. */
  readonly length: number
  /** Every series is resampled to this share of its steps first, so that the longest fits; 1 leaves them as they are. */
  readonly stretch: number
  /** Whether a last channel tells real steps (1) from padding (0). */
  readonly mask: boolean
  /** Of each channel, over the training series. */
  readonly mean: readonly number[]
  readonly std: readonly number[]
  /** Mean and standard deviation of each summary, over the training series. */
  readonly summaries: { readonly mean: readonly number[]; readonly std: readonly number[] }
  /** The column that says which series a row belongs to, and the one by which its rows are ordered. */
  readonly series?: string
  readonly time?: string
}

/** The values of one series: of each channel as many as there are steps; NaN or null where one is missing. */
export type SeriesValues = readonly (readonly (number | null)[])[]

/**
 * The inputs of a model for one series. Of steps: [length, channels], normalised, with a last channel that is 1 where a step is
 * real if the plan has a mask. Of summaries, for each channel: mean, standard deviation, least and greatest value, slope of the
 * least-squares line over the series, and mean square of the differences between neighbours; then the logarithm of the number of
 * steps. Missing values are interpolated in a line. It needs nothing beside it: its text is written into the folder of an
 * exported model, so that training, Node and browsers prepare series by the same code.
 */
export function prepareSeries(plan: LabelledSeriesPlan, values: SeriesValues): Float32Array<ArrayBuffer> {
  const steps = values.length === 0 ? 0 : values[0]!.length
  const filled = values.map((channel, c) => {
    const out = new Float64Array(steps)
    let before = -1
    for (let i = 0; i <= steps; i++) {
      const value = i < steps ? channel[i] : null
      const isKnown = i < steps && typeof value === 'number' && Number.isFinite(value)
      if (!isKnown && i < steps) continue
      // What lies between two known values is a line; before the first and after the last it is constant.
      const [left, right] = [before, isKnown ? i : -1]
      for (let k = left + 1; k < i; k++)
        out[k] =
          left >= 0 && right >= 0
            ? out[left]! + ((Number(value) - out[left]!) * (k - left)) / (right - left)
            : left >= 0
              ? out[left]!
              : right >= 0
                ? Number(value)
                : plan.mean[c]!
      if (isKnown) {
        out[i] = Number(value)
        before = i
      }
    }
    return out
  })
  if (plan.reads === 'summaries') {
    const all: number[] = []
    for (const channel of filled) {
      let [sum, least, most] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
      for (const value of channel) {
        sum += value
        least = Math.min(least, value)
        most = Math.max(most, value)
      }
      const mean = sum / steps
      let [squares, products, distances, energy] = [0, 0, 0, 0]
      for (let i = 0; i < steps; i++) {
        // Time runs from −1/2 to 1/2, so that the slope is the change over the whole series.
        const time = steps > 1 ? i / (steps - 1) - 0.5 : 0
        squares += (channel[i]! - mean) ** 2
        products += time * (channel[i]! - mean)
        distances += time * time
        if (i > 0) energy += (channel[i]! - channel[i - 1]!) ** 2
      }
      const slope = distances > 0 ? products / distances : 0
      all.push(mean, Math.sqrt(squares / steps), least, most, slope, steps > 1 ? energy / (steps - 1) : 0)
    }
    all.push(Math.log(steps))
    return Float32Array.from(all, (value, f) => (value - plan.summaries.mean[f]!) / plan.summaries.std[f]!)
  }
  const width = filled.length + (plan.mask ? 1 : 0)
  const out = new Float32Array(plan.length * width)
  const count = Math.max(1, Math.min(plan.length, Math.round(steps * plan.stretch)))
  for (let i = 0; i < count; i++) {
    // Resampled in a line between neighbours; first and last step stay where they are.
    const at = count === steps ? i : count > 1 ? (i * (steps - 1)) / (count - 1) : (steps - 1) / 2
    const low = Math.floor(at)
    const share = at - low
    for (const [c, channel] of filled.entries()) {
      const value = share > 0 ? (1 - share) * channel[low]! + share * channel[low + 1]! : channel[low]!
      out[i * width + c] = (value - plan.mean[c]!) / plan.std[c]!
    }
    if (plan.mask) out[i * width + filled.length] = 1
  }
  return out
}

/** Summaries of a channel, and of a series beside its channels. */
const [OF_CHANNEL, OF_SERIES] = [6, 1]

/** Shape of the inputs of one series. */
export const inputShapeOf = ({ reads, channels, length, mask }: LabelledSeriesPlan): readonly number[] =>
  reads === 'summaries' ? [OF_CHANNEL * channels.length + OF_SERIES] : [1, length, channels.length + (mask ? 1 : 0)]

/** Most steps that a network reads: more take too long to learn from. */
const MOST_STEPS = 512

/** The plan of series: their lengths, and statistics of those that are trained on. */
export function planSeries(
  channels: readonly string[],
  all: readonly SeriesValues[],
  train: readonly SeriesValues[],
  columns: { readonly series?: string; readonly time?: string } = {},
): LabelledSeriesPlan {
  const lengths = all.map(([first = []]) => first.length)
  const [shortest, longest] = [Math.min(...lengths), Math.max(...lengths)]
  const stretch = Math.min(1, MOST_STEPS / longest)
  const statistics = (values: Iterable<number | null>) => {
    let [count, sum, squares] = [0, 0, 0]
    for (const value of values)
      if (value !== null && Number.isFinite(value)) {
        count++
        sum += value
      }
    const mean = count > 0 ? sum / count : 0
    for (const value of values) if (value !== null && Number.isFinite(value)) squares += (value - mean) ** 2
    return { mean, std: Math.sqrt(squares / Math.max(1, count)) || 1 }
  }
  const ofChannels = channels.map((_, c) => statistics(train.flatMap((values) => values[c]!)))
  const features = OF_CHANNEL * channels.length + OF_SERIES
  const plan: LabelledSeriesPlan = {
    channels,
    reads: 'summaries',
    length: Math.min(longest, MOST_STEPS),
    stretch,
    mask: shortest < longest,
    mean: ofChannels.map(({ mean }) => mean),
    std: ofChannels.map(({ std }) => std),
    summaries: { mean: new Array<number>(features).fill(0), std: new Array<number>(features).fill(1) },
    ...columns,
  }
  const raw = train.map((values) => prepareSeries(plan, values))
  const ofSummaries = Array.from({ length: features }, (_, f) => statistics(raw.map((each) => each[f]!)))
  return {
    ...plan,
    reads: 'steps',
    summaries: { mean: ofSummaries.map(({ mean }) => mean), std: ofSummaries.map(({ std }) => std) },
  }
}
