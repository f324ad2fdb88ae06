import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'

/**
 * An S3 server for tests: objects of one bucket in memory, and every request's signature (version 4) is computed anew from
 * the secret. The servers on npm are unmaintained, or need a newer Node than 20.
 */
export async function s3Server({ bucket, accessKeyId, secretAccessKey, region }: Record<string, string>) {
  const objects = new Map<string, Buffer>()
  const requests: string[] = []
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()
  const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex')
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const answer = (status: number, data: string | Buffer = '') => response.writeHead(status).end(data)
    const { headers, method = '', url: path = '' } = request
    requests.push(`${method} ${path}`)
    const fields =
      /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d+)\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)$/
    const [, key, day, where, signed, signature] = fields.exec(String(headers.authorization)) ?? []
    if (key !== accessKeyId || where !== region) return answer(403, 'InvalidAccessKeyId')
    const given = String(headers['x-amz-content-sha256'])
    if (given !== 'UNSIGNED-PAYLOAD' && given !== sha256(body)) return answer(400, 'XAmzContentSHA256Mismatch')
    const lines = signed!.split(';').map((name) => `${name}:${String(headers[name]).trim()}\n`)
    const canonical = [method, path, '', lines.join(''), signed, given].join('\n')
    const scope = `${day}/${region}/s3/aws4_request`
    const toSign = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical)].join('\n')
    const signingKey = ['s3', 'aws4_request'].reduce(hmac, hmac(hmac(`AWS4${secretAccessKey}`, day!), region!))
    if (hmac(signingKey, toSign).toString('hex') !== signature) return answer(403, 'SignatureDoesNotMatch')
    if (!path.startsWith(`/${bucket}/`)) return answer(404, 'NoSuchBucket')
    if (method === 'PUT') objects.set(path, body)
    if (method === 'DELETE') objects.delete(path)
    if (method !== 'GET') return answer(method === 'PUT' ? 200 : 204)
    const object = objects.get(path)
    return object ? answer(200, object) : answer(404, 'NoSuchKey')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    endpoint: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    objects,
    requests,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
