/**
 * Statements of a module for another process, which declare `peakMegabytes()`: its peak resident memory in MB. Linux
 * counts the memory of the parent in `maxRSS` of a process that it starts; the high-water mark in /proc begins anew.
 */
export const PEAK_MEMORY = `
  import { existsSync, readFileSync } from 'node:fs'
  const peakMegabytes = () => existsSync('/proc/self/status')
    ? Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024
    : process.resourceUsage().maxRSS / 1024
`
