/** What server and page exchange: plain JSON. A number that is not finite is its name, such as "NaN". */
import type { Json } from '../../core/space/decision.ts'

export type Wire = number | 'NaN' | 'Infinity' | '-Infinity'
export type WireMetrics = Readonly<Record<string, Wire>>
export type Direction = 'maximise' | 'minimise'
export type Status = 'waiting' | 'running' | 'paused' | 'completed' | 'pruned' | 'failed'
export const statuses: readonly Status[] = ['completed', 'running', 'paused', 'waiting', 'pruned', 'failed']

export interface Problem {
  readonly error: { readonly code: string; readonly message: string }
}

/** Where a page's answers come from: a server, or the page itself. */
export interface Source {
  /** The answer to a question, such as `/api/studies/faces/course?metric=loss`. Throws an Error where it is refused. */
  ask(
    path: string,
    init?: { readonly method?: string; readonly headers?: object; readonly body?: string },
  ): Promise<unknown>
  /** Tells the news of a study after event number `from`, and whether they can be heard; returns the function that ends it. */
  follow(
    study: string,
    from: number,
    tell: { news(news: News): void; connected(isConnected: boolean): void },
  ): () => void
}

export interface Objective {
  readonly metric: string
  readonly direction: Direction
  readonly atMost?: number
  readonly atLeast?: number
  readonly target?: number
}

/** One line of the list of studies. */
export interface StudyLine {
  readonly study: string
  /** 'interrupted' where it says that it is running and nobody writes it; the code of an error where it is damaged. */
  readonly status: string
  readonly space?: string
  readonly method?: string
  readonly trials?: number
  readonly failed?: number
  readonly best?: { readonly metric: string; readonly value: Wire; readonly trial: number }
  readonly elapsedMs?: number
  readonly startedAt?: number
  readonly problem?: string
}

/** Where a study stands: what every news carries. */
export interface Standing {
  readonly seq: number
  readonly status: string
  readonly reason?: string
  readonly proposed: number
  readonly completed: number
  readonly pruned: number
  readonly failed: number
  readonly running: readonly number[]
  readonly resting: number
  readonly best?: { readonly trial: number; readonly metrics: WireMetrics }
  readonly front: number
  readonly stage?: string
  readonly elapsedMs: number
  readonly sessions: number
  readonly trialsPerMinute: number
  /** Until the budget is spent, by the mean time per trial so far. */
  readonly msLeft?: number
}

/** Something that happened, as one line of text. */
export interface Activity {
  readonly seq: number
  readonly at: number
  readonly kind: 'completed' | 'failed' | 'pruned' | 'best' | 'stage' | 'warning' | 'session'
  readonly trial?: number
  readonly text: string
}

/** One message of the stream of events; its id is `standing.seq`. */
export interface News {
  readonly standing: Standing
  /** What happened since the last message, the oldest first; cut to the latest where there is more. */
  readonly activity: readonly Activity[]
}

export interface Failures {
  readonly reason: string
  readonly count: number
  /** The latest of them. */
  readonly latest: readonly {
    readonly trial: number
    readonly code: string
    readonly message: string
    readonly stack?: string
  }[]
}

export interface DecisionFact {
  readonly name: string
  readonly kind: 'choice' | 'real'
  /** Of a choice, as text. */
  readonly options?: readonly string[]
  readonly ordered?: boolean
  readonly min?: number
  readonly max?: number
  readonly scale?: 'linear' | 'log'
}

export interface Overview {
  readonly study: string
  readonly location: string
  readonly space: string
  readonly decisions: readonly DecisionFact[]
  readonly parts: Readonly<Record<string, string>>
  readonly objectives: readonly Objective[]
  readonly budget: { readonly maxTrials?: number; readonly maxMs?: number }
  readonly seed: number
  readonly archloom: string
  readonly startedAt: number
  readonly standing: Standing
  readonly metrics: readonly string[]
  readonly failures: readonly Failures[]
  readonly warnings: readonly { readonly code: string; readonly message: string; readonly at: number }[]
  /** Trials that ended per minute, over equal stretches of the study's time. */
  readonly rate: { readonly minutes: readonly number[]; readonly perMinute: readonly number[] }
  /** Of the objectives' front above the worst feasible result; absent with a single objective. */
  readonly hypervolume?: { readonly trial: readonly number[]; readonly share: readonly number[] }
  readonly activity: readonly Activity[]
  /** What a token allows here; empty where nothing can be changed. */
  readonly controls: readonly ('stop' | 'enqueue')[]
}

/** 0 feasible, 1 outside a bound, 2 pruned or paused. */
export type PointKind = 0 | 1 | 2

/** A metric by trial. */
export interface Course {
  readonly metric: string
  readonly direction: Direction
  readonly trial: readonly number[]
  readonly value: readonly number[]
  readonly kind: readonly PointKind[]
  readonly best: { readonly trial: readonly number[]; readonly value: readonly number[] }
  readonly failed: readonly number[]
  /** How many points there are before thinning. */
  readonly total: number
  readonly bounds: readonly number[]
}

/** Completed trials by two metrics. */
export interface Plane {
  readonly x: { readonly metric: string; readonly direction: Direction; readonly bounds: readonly number[] }
  readonly y: { readonly metric: string; readonly direction: Direction; readonly bounds: readonly number[] }
  readonly trial: readonly number[]
  readonly xs: readonly number[]
  readonly ys: readonly number[]
  readonly kind: readonly PointKind[]
  /** Indices of points, from the smallest x to the largest. */
  readonly front: readonly number[]
  readonly total: number
}

export interface TrialRow {
  readonly trial: number
  readonly status: Status
  readonly text: string
  readonly metrics: WireMetrics
  readonly feasible?: boolean
  readonly fidelity: number
  readonly rungs: number
  readonly elapsedMs?: number
  readonly reason?: string
}

export interface TrialPage {
  readonly total: number
  readonly offset: number
  readonly rows: readonly TrialRow[]
}

export interface TrialDetail {
  readonly study: string
  readonly trial: number
  readonly status: Status
  readonly text: string
  readonly genotype: readonly number[]
  readonly architecture: Json
  readonly seed: number
  readonly rungs: readonly {
    readonly rung: number
    readonly fidelity: number
    readonly metrics: WireMetrics
    readonly elapsedMs?: number
  }[]
  readonly attempts: number
  readonly metrics: WireMetrics
  readonly reward?: Wire
  readonly feasible?: boolean
  readonly violation?: Wire
  readonly elapsedMs?: number
  readonly prunedBy?: string
  readonly failure?: {
    readonly reason: string
    readonly code: string
    readonly message: string
    readonly stack?: string
  }
  /** The value of each decision, in the order of the study's decisions. */
  readonly values: readonly string[]
  readonly isOnFront: boolean
  readonly trials: number
  readonly objectives: readonly Objective[]
  readonly decisions: readonly string[]
}

/** What the journal says about one trial. */
export interface TrialCourse {
  readonly curve: readonly { readonly rung: number; readonly step: number; readonly metrics: WireMetrics }[]
  readonly log: readonly { readonly seq: number; readonly at: number; readonly type: string; readonly text: string }[]
}

/** Completed trials as positions on parallel axes. */
export interface Parallel {
  readonly trial: readonly number[]
  readonly genotypes: readonly (readonly number[])[]
  readonly metrics: Readonly<Record<string, readonly (number | null)[]>>
  readonly total: number
}

export interface ComparedStudy {
  readonly study: string
  readonly method: string
  readonly space: string
  readonly seed: number
  readonly metric: string
  readonly direction: Direction
  readonly trials: number
  /** The best so far: a step at every trial that was better than all before it. */
  readonly best: { readonly trial: readonly number[]; readonly value: readonly number[] }
  readonly metrics: readonly string[]
}

/** How much each decision matters to a metric; without decisions where that cannot be said. */
export interface ImportanceAnswer {
  readonly method: 'fanova' | 'ped-anova'
  readonly metric: string
  readonly direction: Direction
  /** Completed trials that have the metric. */
  readonly total: number
  /** Those that the answer rests on; fewer than all of them in large studies. */
  readonly trials: number
  /** The most important one first. */
  readonly decisions: readonly { readonly name: string; readonly share: number }[]
  /** Why there is no answer. */
  readonly problem?: string
}

/** Metrics that a method reported as it went on. */
export interface MetricPanel {
  /** Whose metrics they are; of 'plugin', those in the facts of its events of one name. */
  readonly of: 'weights' | 'policy' | 'controller' | 'plugin'
  /** Of 'plugin': the plugin and the name of its events. */
  readonly title?: string
  /** What x counts. */
  readonly by: 'step' | 'trials' | 'event'
  /** Ascending. */
  readonly x: readonly number[]
  /** By name; null where a point has no finite value. */
  readonly metrics: Readonly<Record<string, readonly (number | null)[]>>
  /** How many reports each point is the mean of. */
  readonly each: number
}

/** An image that a plugin reported, served under its number. */
export interface ImageLine {
  readonly id: number
  /** Number of the event that reported it. */
  readonly seq: number
  readonly at: number
  /** The facts beside its name. */
  readonly caption: string
}

/** A panel that a plugin declares, with what was reported so far. */
export type DeclaredPanel = { readonly title: string; readonly about?: string } & (
  | ({ readonly kind: 'lines' } & Omit<MetricPanel, 'title'>)
  | { readonly kind: 'bars'; readonly names: readonly string[]; readonly values: readonly number[] }
  | { readonly kind: 'images'; readonly images: readonly ImageLine[] }
)

/** A process or a machine that evaluates trials, as its reports tell. */
export interface WorkerLine {
  readonly worker: string
  /** The plugin that reports it. */
  readonly plugin: string
  readonly state: 'working' | 'left' | 'lost' | 'died' | 'recycled' | 'refused' | 'ended'
  /** Evaluations that it runs at once. */
  readonly size?: number
  /** The trial of its latest report. */
  readonly trial?: number
  readonly evaluations?: number
  readonly megabytes?: number
  readonly peakMegabytes?: number
  readonly firstAt: number
  readonly lastAt: number
  readonly message?: string
}

export interface WorkersAnswer {
  /** Those at work first. */
  readonly workers: readonly WorkerLine[]
  /** The latest first. */
  readonly events: readonly { readonly seq: number; readonly at: number; readonly text: string }[]
  readonly isCut: boolean
}

export interface MethodMetrics {
  /** In the order of the plugins. */
  readonly declared: readonly DeclaredPanel[]
  /** Metrics that no declared panel draws. */
  readonly panels: readonly MetricPanel[]
  /** Images that no declared panel shows, by the plugin and the name of the events. */
  readonly images: readonly { readonly title: string; readonly images: readonly ImageLine[] }[]
  readonly stages: readonly {
    readonly index: number
    readonly stage: string
    readonly at: number
    readonly facts: string
    /** Weight steps and policy steps before it. */
    readonly weights: number
    readonly policy: number
  }[]
  /** Whether there were more metrics than are kept. */
  readonly isCut: boolean
}
