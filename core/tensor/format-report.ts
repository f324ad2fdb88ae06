import type { Installed } from './fill-ins/index.ts'
import type { DoctorReport, EngineDiagnosis } from './report.ts'

const number = (value: number) => (value < 10 ? value.toFixed(2) : value.toFixed(0))

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
}

function rowOf({ name, version, available, reason, probe, probeFailure }: EngineDiagnosis, auto: string | undefined) {
  const label = name === auto ? `${name} *` : name
  if (!available) return [label, '–', '–', '–', '–', `not here: ${reason}`]
  if (!probe) return [label, version ?? '–', '–', '–', '–', `failed: ${probeFailure}`]
  const { speed, threads, missingKernels } = probe
  return [
    label,
    probe.version,
    String(threads),
    number(speed.matmulGflops),
    number(speed.trainingGflops),
    missingKernels.length === 0 ? 'can train' : `cannot train: ${missingKernels.length} kernels missing`,
  ]
}

/** Describes what an engine lacks. */
function remarksOn({ name, probe }: EngineDiagnosis): string[] {
  if (!probe) return []
  const of = (why: Installed['why']) => probe.fillIns.filter((fillIn) => fillIn.why === why).map(({ kernel }) => kernel)
  const [filled, faster, wrong] = [of('missing'), of('slow'), of('wrong')]
  return [
    ...(filled.length > 0 ? [`${name}: filled in ${filled.join(', ')}`] : []),
    ...(faster.length > 0 ? [`${name}: replaced the slow kernels ${faster.join(', ')}`] : []),
    ...(wrong.length > 0 ? [`${name}: corrected ${wrong.join(', ')}`] : []),
    ...(probe.missingKernels.length > 0 ? [`${name}: kernels missing: ${probe.missingKernels.join(', ')}`] : []),
    ...(probe.missingGradients.length > 0 ? [`${name}: gradients missing: ${probe.missingGradients.join(', ')}`] : []),
  ]
}

/** Formats the report for a terminal with 120 columns; long reasons make it wider. */
export function formatDoctorReport(report: DoctorReport): string {
  const { machine, engines, auto, chosen, advice } = report
  const remarks = engines.flatMap(remarksOn)
  return [
    `${machine.platform}, ${machine.cores} cores (${machine.cpu}), ${machine.memoryGiB} GiB, Node ${machine.node}`,
    '',
    ...table([
      ['engine', 'version', 'threads', 'matmul GFLOP/s', 'training GFLOP/s', ''],
      ...engines.map((engine) => rowOf(engine, auto)),
    ]),
    '',
    auto ? `* what 'auto' chooses here.` : 'No engine here can train.',
    ...(chosen ? [`This process runs on ${chosen}.`] : []),
    ...(remarks.length > 0 ? ['', ...remarks] : []),
    ...(advice.length > 0 ? ['', 'For more speed:', ...advice.map((line) => `  ${line}`)] : []),
    '',
  ].join('\n')
}
