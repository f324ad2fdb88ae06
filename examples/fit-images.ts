// From images to a classifier. It uses a data set here; a folder with one sub-folder per class works the same way by
// its path.
//     npx tsx examples/fit-images.ts      or, for a folder: npx archloom fit photos/ --minutes 15 --max-bytes 500000
import { fileURLToPath } from 'node:url'
import { generatedImages } from 'archloom/evaluators/data'
import { type Budget, fit } from 'archloom/fit'

export async function main({
  images = 2000,
  budget = { minutes: 1 } as Budget,
  out = 'model',
  log = console.log,
} = {}) {
  const rest = Math.min(400, images)
  const data = generatedImages({ size: 16, classes: 4, train: images, validation: rest, test: rest })
  using result = await fit({
    data,
    budget,
    // Classes of the generated set are directions, which mirroring would change.
    flip: false,
    limits: { parameters: 50_000 },
    onEvent: (event) => {
      if (event.type === 'trial')
        log(`trial ${event.trial}: ${(100 * event.metrics.accuracy!).toFixed(1)} %  ${event.name}`)
    },
  })
  for (const { metric, baseline, found } of result.comparison)
    log(`${metric}: ${found.value} for ${found.name}, ${baseline.value} for ${baseline.name}`)
  const { accuracy } = await result.evaluate(data)
  log(`accuracy on ${data.test.size} images that took no part: ${accuracy}`)
  const files = await result.export(out)
  return { accuracy: accuracy!, parameters: result.cost!.parameters, files }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
