/**
 * Compares the x87 helpers with the processor of this host on random instructions, without storing them.
 *
 *   npx tsx test/specs/x87/campaign.ts CAPTURE SEED COUNT arithmetic|ordinary|transcendental [ULP]
 *
 * CAPTURE is the program built from capture.c. Prints a count of differences for each instruction, and examples.
 */
import { spawn } from 'node:child_process'
import { X87Machine } from './machine.ts'
import { describeRecord, instructionName, RECORD_BYTES, runRecord } from './records.ts'

const [capture, seed, count, set, ulp = '0'] = process.argv.slice(2)
const machine = X87Machine.create()
const child = spawn(capture, [seed, count, set], { stdio: ['ignore', 'pipe', 'inherit'] })
const failures = new Map<string, { count: number; examples: string[] }>()
let total = 0
let rest = Buffer.alloc(0)
for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
  const data = Buffer.concat([rest, chunk])
  let offset = 0
  for (; offset + RECORD_BYTES <= data.length; offset += RECORD_BYTES) {
    const view = new DataView(data.buffer, data.byteOffset + offset, RECORD_BYTES)
    const difference = runRecord(machine, view, { ulp: Number(ulp) })
    total++
    if (difference === '') continue
    const name = instructionName(view)
    const entry = failures.get(name) ?? { count: 0, examples: [] }
    entry.count++
    if (entry.examples.length < 4) entry.examples.push(`${describeRecord(view)}\n      ${difference}`)
    failures.set(name, entry)
  }
  rest = data.subarray(offset)
}
let differing = 0
for (const [name, entry] of failures) {
  differing += entry.count
  process.stdout.write(`${name}: ${entry.count}\n${entry.examples.map(example => `    ${example}\n`).join('')}`)
}
process.stdout.write(`${total} records, ${differing} differences\n`)
