/** Damaged kernels: whatever the bytes say, the loader answers with a PCError or with loads that lie within RAM. */

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { PCError } from '../../../src/errors.ts'
import { loadKernel } from '../../../src/loaders/kernel.ts'
import { CODE, makeBzImage, makeElf, MEBIBYTE, multibootHeader } from './fixtures.ts'

const MEMORY_BYTES = 48 * MEBIBYTE
const RUNS = 2000

/** Values at which sizes and addresses break. */
const extremes = [
  0,
  1,
  0x7f,
  0xff,
  0xfff,
  0x1000,
  0x9fc00,
  0xa0000,
  0xfffff,
  0x100000,
  MEMORY_BYTES - 1,
  MEMORY_BYTES,
  0x7fffffff,
  0x80000000,
  0xfffff000,
  0xfffffff0,
  0xffffffff,
]

const addressed = new Uint8Array(8192).fill(0x90)
addressed.set(multibootHeader(0x10003, [0x100000, 0x100000, 0x101000, 0x104000, 0x100040]))

const twoSegments = makeElf({
  segments: [
    { physical: 0x100000, bytes: CODE, memoryBytes: 0x2000 },
    { physical: 0x200000, bytes: CODE, memoryBytes: 0x8000 },
  ],
})

/** Parts of the files whose bytes mean something to the loader. */
const subjects = [
  { name: 'bzImage', file: makeBzImage(), from: 0x1f0, to: 0x270 },
  { name: 'ELF', file: twoSegments, from: 0, to: 52 + 2 * 32 + 12 },
  { name: 'address fields', file: addressed, from: 4, to: 32 },
] as const

const mutation = fc.record({
  where: fc.nat(1 << 16),
  width: fc.constantFrom(1, 2, 4),
  value: fc.oneof(fc.constantFrom(...extremes), fc.nat(0xffffffff)),
})

/** Writes the mutations into the header and mends the checksum of Multiboot, which would hide all else. */
function mutate(
  subject: (typeof subjects)[number],
  mutations: readonly { where: number; width: number; value: number }[],
) {
  const file = subject.file.slice()
  const view = new DataView(file.buffer)
  for (const { where, width, value } of mutations) {
    const offset = subject.from + (where % (subject.to - subject.from))
    if (width === 4 && offset + 4 <= file.length) view.setUint32(offset, value, true)
    else if (width === 2) view.setUint16(offset, value & 0xffff, true)
    else view.setUint8(offset, value & 0xff)
  }
  const magic = subject.name === 'bzImage' ? -1 : subject.name === 'ELF' ? 52 + 2 * 32 : 0
  if (magic >= 0) file.set(multibootHeader(view.getUint32(magic + 4, true)), magic)
  return file
}

it.each(subjects)('$name: 2,000 damaged headers', subject => {
  let accepted = 0
  let refused = 0
  fc.assert(
    fc.property(
      fc.array(mutation, { minLength: 1, maxLength: 4 }),
      fc.nat(1 << 20),
      fc.boolean(),
      (mutations, cut, cuts) => {
        const whole = mutate(subject, mutations)
        const kernel = cuts ? whole.subarray(0, cut % whole.length) : whole
        try {
          const image = loadKernel({ kernel, memoryBytes: MEMORY_BYTES, initrd: CODE, cmdline: 'console=ttyS0' })
          accepted++
          const sorted = [...image.loads].sort((a, b) => a.physical - b.physical)
          let end = 0
          for (const { physical, bytes } of sorted) {
            expect(physical).toBeGreaterThanOrEqual(end)
            end = physical + bytes.length
          }
          expect(end).toBeLessThanOrEqual(MEMORY_BYTES)
          expect(sorted.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThan(
            kernel.length + CODE.length + 65536,
          )
          expect(image.registers.eip).toBeLessThan(MEMORY_BYTES)
        } catch (error) {
          if (!(error instanceof PCError)) throw error
          refused++
          expect(error.message).not.toMatch(/NaN|undefined|\n/)
        }
      },
    ),
    { numRuns: RUNS, seed: 20240607 },
  )
  // Both ways are walked, or the mutations are no test.
  expect(Math.min(accepted, refused)).toBeGreaterThan(RUNS / 50)
})

it('is quick with a forged table of 65,535 segments', () => {
  const kernel = new Uint8Array(65535 * 32 + 8192)
  kernel.set(makeElf())
  const view = new DataView(kernel.buffer)
  view.setUint32(28, 8192, true)
  view.setUint16(44, 65535, true)
  for (let index = 0; index < 65535; index++) {
    const words = [1, 0, 0x100000 + index * 16, 0x100000 + index * 16, 1, 1]
    for (const [word, value] of words.entries()) view.setUint32(8192 + index * 32 + word * 4, value, true)
  }
  const start = performance.now()
  expect(() => loadKernel({ kernel, memoryBytes: MEMORY_BYTES })).toThrow(/more than 1024 segments/)
  expect(performance.now() - start).toBeLessThan(1000)
})
