import { messageOf } from '../../core/errors.ts'
import type { CheckpointPlace } from './checkpoints.ts'
import { error } from './errors.ts'

/**
 * `s3://bucket/prefix?endpoint=https://host&region=eu-west-1`: any server that is compatible with S3 and
 * takes the bucket in the path. Keys come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
 * Error: ARCHLOOM_DISTRIBUTED_INSTALL, ARCHLOOM_DISTRIBUTED_CHECKPOINTS.
 */
export async function inBucket(place: string, environment = process.env): Promise<CheckpointPlace> {
  const url = new URL(place)
  const region = url.searchParams.get('region') ?? environment.AWS_REGION ?? 'us-east-1'
  const endpoint = url.searchParams.get('endpoint') ?? `https://s3.${region}.amazonaws.com`
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = environment
  const { AWS_SESSION_TOKEN: sessionToken } = environment
  const refuse = (message: string, cause?: unknown) =>
    error('ARCHLOOM_DISTRIBUTED_CHECKPOINTS', { place, message }, { cause })
  if (!accessKeyId || !secretAccessKey) throw refuse('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set')
  const { AwsClient } = await import('aws4fetch').catch((cause: unknown) => {
    const details = { missing: 'aws4fetch', install: 'npm install aws4fetch', message: messageOf(cause) }
    throw error('ARCHLOOM_DISTRIBUTED_INSTALL', details, { cause })
  })
  const client = new AwsClient({
    accessKeyId,
    secretAccessKey,
    region,
    service: 's3',
    retries: 4,
    ...(sessionToken && { sessionToken }),
  })
  const folder = [endpoint.replace(/\/$/, ''), url.hostname, url.pathname.replace(/^\/|\/$/g, '')]
    .filter(Boolean)
    .join('/')
  const ask = async (method: 'GET' | 'PUT' | 'DELETE', name: string, body?: Uint8Array<ArrayBuffer>) => {
    let answer: Response
    try {
      answer = await client.fetch(`${folder}/${name}`, { method, ...(body && { body }) })
    } catch (cause) {
      throw refuse(messageOf(cause), cause)
    }
    if (!answer.ok && answer.status !== 404)
      throw refuse(`${method} was answered with ${answer.status} ${(await answer.text()).slice(0, 300)}`)
    return answer
  }
  return {
    place,
    async write(name, data) {
      const answer = await ask('PUT', name, Uint8Array.from(data))
      if (!answer.ok) throw refuse(`there is no bucket ${url.hostname} at ${endpoint}`)
    },
    async read(name) {
      const answer = await ask('GET', name)
      return answer.ok ? new Uint8Array(await answer.arrayBuffer()) : undefined
    },
    remove: async (name) => void (await ask('DELETE', name)),
  }
}
