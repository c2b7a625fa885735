/**
 * Captures the stored vectors on this host: npx tsx test/specs/x87/store-vectors.ts CAPTURE
 * CAPTURE is the program built from capture.c.
 */
import { execFileSync } from 'node:child_process'
import { writeVectors } from './vector-file.ts'

const [capture] = process.argv.slice(2)
const sets = [
  { name: 'arithmetic', seed: '20240', count: '20020' },
  { name: 'ordinary', seed: '20242', count: '12000' },
  { name: 'transcendental', seed: '20241', count: '4000' },
]
for (const { name, seed, count } of sets) {
  const records = execFileSync(capture, [seed, count, name], { maxBuffer: 1 << 28 })
  writeVectors(new URL(`${name}.br`, import.meta.url).pathname, records)
}
