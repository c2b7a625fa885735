/** The vector files are complete and sane, and writing them back gives the same cases. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { codeRange, dataRanges, descriptorWords, segments } from '../../vectors/environment.ts'
import { initialByte, packVectors, readHeader, readVectors, type Vector } from '../../vectors/format.ts'
import { patternByte } from '../../vectors/random.ts'
import { undefinedFlags } from '../../vectors/undefined-flags.ts'

const folder = fileURLToPath(new URL('../../vectors/', import.meta.url))
const files = readdirSync(folder).filter(name => name.endsWith('.vectors.gz'))
const SIZE_BOUND_BYTES = 12 << 20
const FEWEST_CASES = 400_000
const VECTORS_SEEN = [0, 1, 3, 4, 5, 6, 11, 12, 13, 14, 16, 17, 19]
const SECONDS = 1000

/** Opcodes of one byte that user-mode integer code has, apart from prefixes and x87. */
function expectedOneByteOpcodes(): number[] {
  const prefixes = [0x0f, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]
  const x87 = [0x9b, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf]
  return Array.from({ length: 256 }, (_, i) => i).filter(op => !prefixes.includes(op) && !x87.includes(op))
}

/** First opcode byte of a vector that has no 0F escape; -1 otherwise. Skips prefixes. */
function oneByteOpcode(vector: Vector): number {
  const prefixes = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]
  const at = vector.bytes.findIndex(byte => !prefixes.includes(byte))
  return vector.bytes[at] === 0x0f ? -1 : vector.bytes[at]
}

const inside = (address: number, length: number) =>
  dataRanges.some(r => address >= r.base && address + length <= r.base + r.bytes)

/** What is wrong with a vector, in words; undefined when nothing is. */
function complaint(v: Vector): string | undefined {
  const known = (selector: number) => selector < 4 || segments.some(s => (s.selector ^ selector) < 4)
  const words = [...v.registers, v.eflags, v.eip, ...v.out.registers, v.out.eflags, v.out.eip]
  if (!words.every(word => Number.isInteger(word) && word >= 0 && word <= 0xffff_ffff)) return 'a word is not unsigned'
  if (v.bytes.length < 1 || v.bytes.length > 16) return 'length'
  const linear = v.eip + (segments.find(s => s.selector === v.selectors[1])?.base ?? 0)
  if (linear < codeRange.base || linear > codeRange.base + codeRange.bytes) return 'not in the code range'
  if (![...v.selectors, ...v.out.selectors].every(known)) return 'unknown selector'
  if (!v.memory.every(m => inside(m.address, m.bytes.length))) return 'patch outside'
  if (!v.memoryChanges.every(m => inside(m.address, m.bytes.length))) return 'change outside'
  if (!v.memoryChanges.every(m => m.bytes.some((byte, i) => byte !== initialByte(v, m.address + i))))
    return 'change that changes nothing'
  if (v.fault && v.fault.vector > 31) return 'vector'
  if (v.fault && v.row.mnemonic === 'nop' && v.bytes.length <= 15 && v.fault.vector !== 14) return 'NOP faults'
  return undefined
}

describe('vector files', () => {
  it(
    'hold enough cases in little room, and every one-byte opcode',
    () => {
      let count = 0
      let bytes = 0
      const opcodes = new Set<number>()
      const vectors = new Set<number>()
      const complaints: string[] = []
      for (const name of files) {
        const file = readFileSync(folder + name)
        bytes += file.length
        const header = readHeader(file)
        let inFile = 0
        for (const vector of readVectors(file)) {
          inFile++
          opcodes.add(oneByteOpcode(vector))
          if (vector.fault) vectors.add(vector.fault.vector)
          const wrong = complaint(vector)
          if (wrong) complaints.push(`${name} ${vector.index} ${vector.row.mnemonic}: ${wrong}`)
        }
        expect(inFile).toBe(header.count)
        expect(`${header.family}.vectors.gz`).toBe(name)
        count += inFile
      }
      expect(complaints.slice(0, 10)).toEqual([])
      expect(count).toBeGreaterThanOrEqual(FEWEST_CASES)
      expect(bytes).toBeLessThan(SIZE_BOUND_BYTES)
      expect(
        expectedOneByteOpcodes()
          .filter(op => !opcodes.has(op))
          .map(op => op.toString(16)),
      ).toEqual([])
      expect([...vectors].sort((a, b) => a - b)).toEqual(VECTORS_SEEN)
    },
    120 * SECONDS,
  )

  it('survive writing and reading', () => {
    for (const name of ['segment.vectors.gz', 'string.vectors.gz', 'mmx.vectors.gz']) {
      const file = readFileSync(folder + name)
      const vectors = [...readVectors(file)].slice(0, 3000)
      const { count: _, ...header } = readHeader(file)
      const rows = vectors[0] ? [...new Set(vectors.map(v => v.row))] : []
      expect([...readVectors(packVectors({ ...header, rows }, vectors))]).toEqual(vectors)
    }
  })

  it('are refused when they are something else or cut short', () => {
    expect(() => [...readVectors(readFileSync(`${folder}README.md`))]).toThrow()
    const file = readFileSync(`${folder}fault.vectors.gz`)
    expect(() => [...readVectors(file.subarray(0, file.length >> 1))]).toThrow()
  })
})

describe('initial memory', () => {
  it('is the pattern with patches over it, the last patch winning', () => {
    const [first] = readVectors(readFileSync(`${folder}arithmetic.vectors.gz`))
    const memory = [
      { address: 0x1000_0000, bytes: Uint8Array.of(1, 2, 3) },
      { address: 0x1000_0001, bytes: Uint8Array.of(9) },
    ]
    const bytes = [0, 1, 2, 3].map(i => initialByte({ ...first, memory }, 0x1000_0000 + i))
    expect(bytes).toEqual([1, 9, 3, patternByte(0x1000_0003)])
  })
})

describe('descriptors', () => {
  it('have the fields where the SDM puts them', () => {
    const words = (selector: number) => descriptorWords(segments.find(s => s.selector === selector) ?? segments[0])
    expect(words(0x23)).toEqual([0x0000_ffff, 0x00cf_fb00])
    expect(words(0x2b)).toEqual([0x0000_ffff, 0x00cf_f300])
    expect(words(0x0f)).toEqual([0x0100_0eff, 0x1050_f300])
    expect(words(0x17)).toEqual([0x0000_ffff, 0x2010_fb00])
    expect(words(0x2f)).toEqual([0x0000_0fff, 0x0f51_f7ff])
  })
})

describe('undefined flags', () => {
  const row = { mnemonic: 'shl', form: 'Ev_Ib', feature: '', opcode: 0xc1, modrm: 4, prefix: 0 }
  const [first] = readVectors(readFileSync(`${folder}arithmetic.vectors.gz`))
  const shifted = (mnemonic: string, size: number, count: number): Vector => ({
    ...first,
    row: { ...row, mnemonic },
    size,
    bytes: Uint8Array.of(0xc1, 0xe0, count),
    fault: null,
  })

  it('depend on the masked count of a shift', () => {
    expect(undefinedFlags(shifted('shl', 32, 0))).toBe(0)
    expect(undefinedFlags(shifted('shl', 32, 32))).toBe(0)
    expect(undefinedFlags(shifted('shl', 32, 1))).toBe(0x10)
    expect(undefinedFlags(shifted('shl', 32, 2))).toBe(0x810)
    expect(undefinedFlags(shifted('shr', 8, 8))).toBe(0x811)
    expect(undefinedFlags(shifted('sar', 8, 9))).toBe(0x810)
    expect(undefinedFlags(shifted('rcl', 8, 9))).toBe(0x800)
    expect(undefinedFlags(shifted('ror', 16, 1))).toBe(0)
    expect(undefinedFlags(shifted('shrd', 16, 17))).toBe(0x8d5)
  })

  it('are none for an instruction that faulted, but all for DIV', () => {
    const fault = (vector: number) => ({ vector, errorCode: 0, address: 0 })
    expect(undefinedFlags({ ...shifted('shl', 32, 9), fault: fault(14) })).toBe(0)
    expect(undefinedFlags({ ...shifted('div', 32, 9), fault: fault(0) })).toBe(0x8d5)
  })
})
