/** A program: runs the image part that its parent sends, and sends back what is logged and claimed. */
import { messageOf } from '../../../core/index.ts'
import { useEngine } from '../../../core/tensor/index.ts'
import type { FromImageWorker } from './beside.ts'
import { type ImagePart, imagePart } from './image-part.ts'

const say = (message: FromImageWorker) => process.send?.(message)

process.once('message', (part: ImagePart) => {
  const log = (text: string) => void say({ log: text })
  useEngine('auto')
    .then(() => imagePart(part, { environment: process.env, log }))
    .then(
      (claims) => say({ claims }),
      (thrown: unknown) => say({ failed: messageOf(thrown) }),
    )
    // Without its parent it has nothing to live for.
    .finally(() => process.disconnect())
})
process.once('disconnect', () => process.exit())
