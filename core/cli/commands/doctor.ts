import { doctorReport, formatDoctorReport } from '../../tensor/index.ts'
import type { Output } from '../output.ts'

/** `archloom doctor`: lists the engines found, what each lacks, how fast it is, and what to install for more speed. */
export async function doctor({ output }: { output: Output }): Promise<number> {
  const report = await doctorReport({ onEngine: (name) => output.note(`measuring ${name} …`) })
  output.log(formatDoctorReport(report))
  output.result(report)
  // Without an engine that can train, nothing here works.
  return report.auto === undefined ? 1 : 0
}
