/** What a search and its workers share: a space, and an evaluator that says where it ran. */
import { appendFileSync } from 'node:fs'
import { defineSpace, type EvaluatorFunction, integer, oneOf, product } from 'archloom'

export const space = defineSpace(
  'squares',
  product({
    x: integer(0, 1000),
    does: oneOf('answer', 'block', 'sleep', 'throw', 'notFinite', 'flood', 'huge', 'kill'),
  }),
)

/** One line for each evaluation that begins: in the file that ARCHLOOM_TEST_MARKS names. */
const mark = (text: string) => {
  const file = process.env.ARCHLOOM_TEST_MARKS
  if (file) appendFileSync(file, `${text}\n`)
}

export const evaluator: EvaluatorFunction<ReturnType<typeof space.decode>> = async ({ x, does }, request, context) => {
  mark(`${request.trial} ${request.rung} ${request.study} ${process.pid}`)
  context.report(1, { half: x / 2 })
  context.tell('seen', { x })
  if (does === 'block') {
    const end = performance.now() + Number(process.env.ARCHLOOM_TEST_MS ?? 1000)
    while (performance.now() < end);
  }
  if (does === 'sleep')
    await new Promise((resolve) => setTimeout(resolve, Number(process.env.ARCHLOOM_TEST_MS ?? 1000)))
  if (does === 'throw') throw new Error('out of luck')
  if (does === 'flood') context.tell('flood', 'x'.repeat(5 * 2 ** 20))
  if (does === 'kill') process.kill(process.pid, 'SIGKILL')
  return {
    ...(does === 'huge' && Object.fromEntries(Array.from({ length: 300_000 }, (_, at) => [`metric ${at}`, at]))),
    value: x * x + (request.seed % 7),
    pid: process.pid,
    ...(does === 'notFinite' && { nan: Number.NaN, up: Number.POSITIVE_INFINITY, down: Number.NEGATIVE_INFINITY }),
  }
}
