/**
 * Damaged disk images, many of them: `npm run fuzz:images -- [--images 20000] [--seed 1]`, so many of each format.
 * An error that is no PCError ends it with format, seed and number; slow images and memory growth are told at the end.
 */
import { parseArgs } from 'node:util'
import { randomNumbers } from '../test/specs/devices/workbench.ts'
import { formats, mutate, useImage } from '../test/specs/disks/mutated-images.ts'

const { values } = parseArgs({
  options: { images: { type: 'string', default: '20000' }, seed: { type: 'string', default: '1' } },
})
const images = Number(values.images)
const seed = Number(values.seed)
/** No image may take more of the processor's time, in ms. */
const MOST_MILLISECONDS = 1000
/** Resident memory may grow by so much over the whole run. */
const MOST_GROWTH_BYTES = 300e6

const memoryBefore = process.memoryUsage().rss
let tooSlow = 0
for (const [name, format] of Object.entries(formats)) {
  const whole = format.build()
  const began = performance.now()
  let refused = 0
  let slowest = 0
  for (let i = 0; i < images; i++) {
    const random = randomNumbers((seed * 7919 + i * 104_729) | 1)
    const start = process.cpuUsage()
    try {
      if (await useImage(mutate(format, whole, random), random)) refused++
    } catch (error) {
      process.stderr.write(`${name}, image ${i}, seed ${seed}:\n`)
      throw error
    }
    const { user, system } = process.cpuUsage(start)
    const took = (user + system) / 1000
    slowest = Math.max(slowest, took)
    if (took > MOST_MILLISECONDS) tooSlow++
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  process.stdout.write(`${name}: ${images} images in ${seconds} s, ${refused} refused, slowest ${slowest.toFixed(0)} ms\n`)
}
const growth = process.memoryUsage().rss - memoryBefore
process.stdout.write(`memory grew by ${(growth / 1e6).toFixed(0)} MB; ${tooSlow} images took more than ${MOST_MILLISECONDS} ms\n`)
if (tooSlow > 0 || growth > MOST_GROWTH_BYTES) process.exitCode = 1
