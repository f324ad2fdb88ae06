import { bytesToHex, sha256, utf8ToBytes } from './noble-hashes.ts'

/** The first `length` hexadecimal digits of a text's SHA-256. */
export const hashOf = (text: string, length: number): string => bytesToHex(sha256(utf8ToBytes(text))).slice(0, length)
