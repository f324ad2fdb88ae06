/**
 * What two processes can reach on this machine at best, for the bench `workers`: rounds of a loop that only computes, or
 * that only reads memory, within the seconds of the message that starts it.
 */
const [what = 'compute'] = process.argv.slice(2)
/** 128 MiB, more than the caches of one core hold. */
const numbers = what === 'memory' ? new Float64Array(2 ** 24).fill(1) : new Float64Array(1024).fill(1)

function round(): number {
  let sum = 0
  if (what === 'memory') for (let at = 0; at < numbers.length; at += 8) sum += numbers[at]!
  else
    for (let times = 0; times < 1000; times++)
      for (let at = 0; at < numbers.length; at++) sum = sum * 0.999 + numbers[at]! * 1.001
  return sum
}

process.on('message', (seconds: number) => {
  const end = performance.now() + 1000 * seconds
  let rounds = 0
  let sum = 0
  for (; performance.now() < end; rounds++) sum += round()
  process.send?.(Number.isFinite(sum) ? rounds : Number.NaN)
  process.disconnect()
})
process.send?.('ready')
