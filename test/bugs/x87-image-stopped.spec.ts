/**
 * FNSAVE to device memory lost the state that it was to save: its first access asked for a step of its own, and the
 * unit was initialised all the same, before the instruction was done again. Likewise behind #AC, and FNSTENV masked the
 * exceptions twice. Found by `npm run fuzz` (seed 40002243, variant 2).
 */
import { describe, expect, it } from 'vitest'
import { FuzzCpu } from '../../tools/fuzz/fuzz-cpu.ts'
import { DATA_POINTER, EVENTS, RAM_BYTES } from '../../tools/fuzz/layout.ts'
import { loadProgram } from '../../tools/fuzz/loader.ts'
import type { Program } from '../../tools/fuzz/program.ts'
import { trialOf } from '../../tools/fuzz/variants.ts'

const DEVICE = 2 * RAM_BYTES
/** Instructions of a run: the last 64 are steps anyway. */
const PIECE = 1000

/** A program that has `code` for all of its functions, without paging or interrupts; with `alignment`, for CPL 3 and #AC. */
function programOf(code: readonly number[], alignment = false): Program {
  for (let seed = 1; ; seed++) {
    const { program } = trialOf(seed)
    const { environment } = program
    if (environment.paging !== 'off' || environment.user !== alignment || environment.timer) continue
    const labels = [...new Set([...program.functions, ...program.items.flatMap(item => item.labels)])]
    return {
      ...program,
      environment: { ...environment, alignment, x87: true, sixteen: false, changesSegments: false },
      services: [],
      patchable: [],
      items: [{ labels, code: [...code, 0xc3] }],
    }
  }
}

function cpuOf(program: Program): FuzzCpu {
  const cpu = new FuzzCpu()
  cpu.reset()
  loadProgram(cpu, program)
  return cpu
}

describe('an x87 image in device memory', () => {
  const address = [DEVICE & 0xff, (DEVICE >> 8) & 0xff, (DEVICE >> 16) & 0xff, DEVICE >>> 24]
  for (const [name, modrm] of [['fnsave', [0xdd, 0x35]], ['fnstenv', [0xd9, 0x35]]] as const)
    it(`is what ${name} finds, not what it leaves`, () => {
      // fld1; fld1; mov dword [ebp], 0x340; fldcw [ebp]; fnsave [device]
      const code = [0xd9, 0xe8, 0xd9, 0xe8, 0xc7, 0x45, 0, 0x40, 3, 0, 0, 0xd9, 0x6d, 0, ...modrm, ...address]
      const program = programOf(code)
      const [run, stepped] = [cpuOf(program), cpuOf(program)]
      for (let pieces = 4; pieces > 0; pieces--) {
        run.run(PIECE)
        stepped.stepThrough(PIECE)
      }
      expect(stepped.accesses).toBeGreaterThan(7)
      expect([run.accesses, run.accessDigest]).toEqual([stepped.accesses, stepped.accessDigest])
    })
})

describe('an x87 image under alignment checks', () => {
  it('has to be aligned to its words alone, and is kept when it is not', () => {
    // fld1; fnsave [ebp + n]: up to the second, and it
    const run = (n: number) => {
      const program = programOf([0xd9, 0xe8, 0xdd, 0x75, n], true)
      const cpu = new FuzzCpu()
      cpu.reset()
      const place = loadProgram(cpu, program).labels.get(program.functions[0]) as number
      for (let i = 0; i < PIECE && cpu.core.get('eip') !== place + 2; i++) cpu.run(1)
      expect(cpu.core.get('eip')).toBe(place + 2)
      const events = cpu.read32(EVENTS)
      const used = cpu.core.get('fpuTag')
      // The handler counts in its sixth instruction.
      for (let i = 0; i < 6; i++) cpu.run(1)
      return { cpu, used, events: cpu.read32(EVENTS) - events }
    }
    const aligned = run(4)
    expect(aligned.used).not.toBe(0)
    expect(aligned.events).toBe(0)
    expect(aligned.cpu.core.get('fpuTag')).toBe(0)
    expect(aligned.cpu.read32(DATA_POINTER + 4) & 0xffff).toBe(0x37f)
    const odd = run(1)
    expect(odd.events).toBe(1)
    expect(odd.cpu.core.get('fpuTag')).toBe(odd.used)
  })
})
