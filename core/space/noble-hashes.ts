// The build replaces this module by a file that holds the two functions' code: see .ci/vendor.mjs.
export { sha256 } from '@noble/hashes/sha2'
export { bytesToHex, utf8ToBytes } from '@noble/hashes/utils'
