/**
 * Random operations on all devices for as long as wanted: `npm run fuzz:devices -- [--operations 5000000] [--seed 1]`.
 * Reports the slowest operations; an exception ends it with the seed and the number of the operation.
 */
import { parseArgs } from 'node:util'
import { Board, operate, RAM_BYTES } from '../test/specs/devices/board.ts'
import { randomNumbers } from '../test/specs/devices/workbench.ts'

const { values } = parseArgs({
  options: { operations: { type: 'string', default: '5000000' }, seed: { type: 'string', default: '1' } },
})
const operations = Number(values.operations)
const seed = Number(values.seed)
/** A board takes so many before a new one is made: one that hangs in a corner learns nothing new. */
const OPERATIONS_PER_BOARD = 50_000
/** No operation may take more of the processor's time, in ms; drawing a picture is the host's. */
const MOST_MILLISECONDS = 100

let slowest = 0
let tooSlow = 0
let done = 0
const began = performance.now()
for (let board = 0; done < operations; board++) {
  const subject = new Board()
  const random = randomNumbers((seed * 7919 + board * 104_729) | 1)
  for (let i = 0; i < OPERATIONS_PER_BOARD && done < operations; i++, done++) {
    const start = process.cpuUsage()
    try {
      operate(subject, random)
    } catch (error) {
      process.stderr.write(`operation ${i} of board ${board}, seed ${seed}:\n`)
      throw error
    }
    const { user, system } = process.cpuUsage(start)
    const took = (user + system) / 1000
    slowest = Math.max(slowest, took)
    if (took > MOST_MILLISECONDS) tooSlow++
    if (subject.output.length > OPERATIONS_PER_BOARD) subject.output.length = 0
  }
  if (subject.ram.bytes.length !== RAM_BYTES || !subject.canariesLive()) throw new Error('a device has written beside RAM')
}
const seconds = (performance.now() - began) / 1000
process.stdout.write(
  `${done} operations in ${seconds.toFixed(1)} s; the slowest took ${slowest.toFixed(1)} ms; ` +
    `${tooSlow} took more than ${MOST_MILLISECONDS} ms\n`,
)
if (tooSlow > 0) process.exitCode = 1
