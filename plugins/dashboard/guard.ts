import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { error } from './errors.ts'

/** Everything comes from the server itself; nothing inline runs, and no other page may frame this one. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const headers: Readonly<Record<string, string>> = {
  'content-security-policy': POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

const loopback = ['localhost', '127.0.0.1', '[::1]']
const isLoopback = (host: string) => host === 'localhost' || host === '::1' || host.startsWith('127.')
const digest = (text: string) => createHash('sha256').update(text).digest()

/**
 * Headers of every answer, and who may ask. A server on a loopback address answers only requests that name it: the page
 * of a stranger whose name resolves to this machine reads nothing. What changes a search needs the token, and JSON.
 * Errors: ARCHLOOM_DASHBOARD_HOST, ARCHLOOM_DASHBOARD_TOKEN.
 */
export function guard(app: FastifyInstance, { host, token }: { host: string; token: string | undefined }): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(headers)
    const named = request.headers.host?.replace(/:\d+$/, '')
    if (isLoopback(host) && !(named !== undefined && (loopback.includes(named) || named === host)))
      throw error('ARCHLOOM_DASHBOARD_HOST', { received: named, expected: loopback.join(', ') })
    if (request.method === 'GET' || request.method === 'HEAD') return
    const [, sent] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? []
    if (token === undefined || sent === undefined || !timingSafeEqual(digest(sent), digest(token)))
      throw error('ARCHLOOM_DASHBOARD_TOKEN', { received: sent === undefined ? 'no token' : 'another token' })
  })
}
