/**
 * Where random instructions find their operands: most hit data; some go through FS or GS, run over a page's end, hit
 * pages that are absent, read-only or no RAM, or go astray.
 */
import { Gpr } from '../../runtime/state.ts'
import { word32 } from './assembly.ts'
import { deviceOf, type Environment } from './environment.ts'
import { CODE, DATA_POINTER, DATA_REACH, DEMAND_PAGES, LOG, PAGE } from './layout.ts'
import { memory, type Operand } from './operand.ts'
import { pointerOperand } from './pointers.ts'
import type { Random } from './random.ts'

const ADDRESS_SIZE = 0x67
export const FS_OVERRIDE = 0x64
export const GS_OVERRIDE = 0x65
/** Displacements of a byte reach so far. */
const NEAR = 0x80
/** Registers that instructions may write, and those that are left when some hold pointers (pointers.ts). */
const free = [Gpr.Eax, Gpr.Ecx, Gpr.Edx, Gpr.Ebx, Gpr.Esi, Gpr.Edi] as const
const freeBesidePointers = [Gpr.Eax, Gpr.Ecx, Gpr.Edx] as const

/** ModRM.rm and SIB of a memory operand. */
const SIB = 4
const DISPLACEMENT_ONLY = 5
/** ModRM.rm of a 16-bit address that is a displacement alone. */
const DISPLACEMENT_ONLY_16 = 6

/** Registers that instructions may write in an environment. */
export function freeRegisters({ pointers }: Environment): readonly Gpr[] {
  return pointers ? freeBesidePointers : free
}

/** Displacement from EBP, often at the end of a page. */
export function displacement(random: Random): number {
  const at = random.below(2 * DATA_REACH) - DATA_REACH
  return random.oneIn(6) ? (at & -PAGE) + PAGE - 1 - random.below(4) : at
}

/** An address in a page that comes and goes. */
export function demandAddress(random: Random, { demand }: Environment): number {
  return demand + (random.oneIn(3) ? PAGE * random.below(DEMAND_PAGES) + PAGE - 2 : random.below(DEMAND_PAGES * PAGE))
}

/** An operand in the page that is no RAM. */
function device(random: Random, environment: Environment): Operand {
  return memory(DISPLACEMENT_ONLY, 0, word32(deviceOf(environment) + random.below(PAGE)))
}

export function memoryOperand(random: Random, environment: Environment): Operand {
  if (environment.devices && random.oneIn(10)) return device(random, environment)
  if (environment.pointers && random.oneIn(2)) return pointerOperand(random)
  const disp = displacement(random)
  // Where operands with a displacement of a byte are, and those of other segments with bases that hardly differ.
  const near = random.below(2 * NEAR) - NEAR
  switch (random.below(20)) {
    case 0:
    case 1:
      return memory(Gpr.Ebp, 1, [random.below(256)])
    case 2:
    case 3: {
      // and index, 0x3ff; [ebp + index * scale + disp]
      const index = random.pick(freeRegisters(environment))
      const scale = random.below(4)
      const far = (disp >> 2) & ~0xfff
      return memory(
        SIB,
        2,
        [(scale << 6) | (index << 3) | Gpr.Ebp, ...word32(far)],
        [0x81, 0xe0 | index, 0xff, 3, 0, 0],
      )
    }
    case 4:
      return memory(DISPLACEMENT_ONLY, 0, word32(DATA_POINTER + disp + environment.alias))
    case 5: {
      if (random.oneIn(2)) return memory(DISPLACEMENT_ONLY, 0, word32(DATA_POINTER + disp))
      // and index, 15; [table + index * scale], a small table at a fixed place
      const index = random.pick(freeRegisters(environment))
      const tables = DATA_POINTER + 0x100 * random.below(4) + (random.oneIn(3) ? PAGE - 0x40 : 0)
      const sib = (random.below(4) << 6) | (index << 3) | DISPLACEMENT_ONLY
      return memory(SIB, 0, [sib, ...word32(tables)], [0x83, 0xe0 | index, 15])
    }
    case 6:
    case 7:
      return memory(
        DISPLACEMENT_ONLY,
        0,
        word32(environment.paging === 'off' ? DATA_POINTER + disp : demandAddress(random, environment)),
      )
    case 8:
      return memory(SIB, 1, [0x24, random.below(64)])
    case 9: {
      // lea base, [ebp + disp]; [base + disp8]
      const base = random.pick(freeRegisters(environment))
      return memory(base, 1, [random.below(256)], [0x8d, 0x80 | (base << 3) | Gpr.Ebp, ...word32(disp)])
    }
    case 10:
      return random.oneIn(8) ? memory(random.pick(freeRegisters(environment)), 0, []) : memory(Gpr.Ebp, 2, word32(disp))
    case 11:
      return memory(Gpr.Ebp, 2, word32((random.oneIn(2) ? near : disp) - environment.fsBase), [], [FS_OVERRIDE])
    case 12:
      return memory(DISPLACEMENT_ONLY, 0, word32(DATA_POINTER + disp - environment.gsBase), [], [GS_OVERRIDE])
    case 13:
      if (random.oneIn(6)) return device(random, environment)
      // What handlers have just used: out of bounds for user code.
      if (random.oneIn(8)) return memory(DISPLACEMENT_ONLY, 0, word32(LOG + 16 + random.below(PAGE - 32)))
      if (random.oneIn(6))
        return memory(DISPLACEMENT_ONLY_16, 0, word32(CODE - 1 - random.below(PAGE)).slice(0, 2), [], [ADDRESS_SIZE])
      return memory(Gpr.Ebp, 2, word32(disp))
    default:
      return memory(Gpr.Ebp, 2, word32(disp))
  }
}
