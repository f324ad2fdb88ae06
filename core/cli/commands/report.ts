import { dirname, extname, join, parse } from 'node:path'
import { messageOf } from '../../errors.ts'
import { replaceFileSync } from '../../node/files.ts'
import { readRecord } from '../../study/record.ts'
import type { Studies } from '../../study/studies.ts'
import { error } from '../errors.ts'
import type { Output } from '../output.ts'
import { figuresOf } from '../report/figures.ts'
import { reportHtml } from '../report/html.ts'

export interface ReportOptions {
  readonly studies: Studies
  readonly top: number
  readonly out: string
  readonly output: Output
}

/** `archloom report <study>`: writes one HTML file, and each of its figures as an SVG file beside it. */
export async function report(name: string, { studies, top, out, output }: ReportOptions): Promise<number> {
  const study = await readRecord(await studies.open(name))
  study.started
  const figures = figuresOf(study)
  const stem = extname(out) === '' ? out : join(dirname(out), parse(out).name)
  const files = [
    { file: out, text: reportHtml(study, figures, top) },
    ...figures.map(({ name: figure, svg }) => ({ file: `${stem}-${figure}.svg`, text: svg })),
  ]
  for (const { file, text } of files)
    try {
      replaceFileSync(file, text)
    } catch (cause) {
      throw error('ARCHLOOM_EXPORT_NOT_WRITABLE', { file, message: messageOf(cause) }, { cause })
    }
  output.log(files.map(({ file }) => `wrote ${file}`).join('\n'))
  output.result({ study: study.location, files: files.map(({ file }) => file) })
  return 0
}
