/**
 * Pointers: in half of the programs EBX, ESI and EDI point into the data and stay there for a while, as compiled code
 * has them. They walk, are copied, exchanged, spilled and reloaded, and change in parts and under conditions, while
 * other instructions access what lies around them.
 */
import { Gpr } from '../../runtime/state.ts'
import { word32 } from './assembly.ts'
import type { Environment } from './environment.ts'
import { DATA_POINTER, DATA_REACH, DEMAND_PAGES, PAGE } from './layout.ts'
import { memory, type Operand } from './operand.ts'
import type { Random } from './random.ts'

const pointers = [Gpr.Ebx, Gpr.Esi, Gpr.Edi] as const
const SIB = 4
const OPERAND_SIZE = 0x66
/** How far a pointer goes in one step, and how far from it accesses are. */
const STEP = 0x40
const NEAR = 0x80

/** [pointer + n], or [pointer + index * scale + n] with an index that is made small first. */
export function pointerOperand(random: Random): Operand {
  const base = random.pick(pointers)
  const far = random.below(2 * NEAR) - NEAR
  switch (random.below(5)) {
    case 0:
      return memory(base, 0, [])
    case 1:
      return memory(base, 2, word32(random.below(4 * NEAR) - 2 * NEAR))
    case 2: {
      const index = random.pick([Gpr.Eax, Gpr.Ecx, Gpr.Edx])
      // and index, 31
      const small = [0x83, 0xe0 | index, 31]
      return memory(SIB, 1, [(random.below(4) << 6) | (index << 3) | base, far & 0xff], small)
    }
    default:
      return memory(base, 1, [far & 0xff])
  }
}

/** Somewhere in the data, its alias, or a page that comes and goes; often near the end of a page. */
function somewhere(random: Random, environment: Environment): number {
  const paged = environment.paging !== 'off'
  if (paged && random.oneIn(4)) return environment.demand + STEP + random.below(DEMAND_PAGES * PAGE - 2 * STEP)
  const near = DATA_POINTER - (DATA_REACH >> 1) + random.below(DATA_REACH)
  const place = random.oneIn(3) ? (near & -PAGE) + PAGE - random.below(2 * NEAR) : near
  return place + (random.oneIn(4) ? environment.alias : 0)
}

/** mov pointer, address; or lea pointer, [ebp + n]. */
export function setPointer(random: Random, environment: Environment): number[] {
  const pointer = random.pick(pointers)
  if (random.oneIn(2)) return [0xb8 + pointer, ...word32(somewhere(random, environment))]
  return [0x8d, 0x80 | (pointer << 3) | Gpr.Ebp, ...word32(random.below(DATA_REACH) - (DATA_REACH >> 1))]
}

/** Sets all of them, as a function does that has got them as arguments. */
export function setPointers(random: Random, environment: Environment): number[] {
  return pointers.flatMap(pointer => [0xb8 + pointer, ...word32(somewhere(random, environment))])
}

/** An instruction that changes a pointer, mostly to something near. */
export function movePointer(random: Random, environment: Environment): number[] {
  const pointer = random.pick(pointers)
  const other = random.pick(pointers)
  const step = random.below(2 * STEP) - STEP
  switch (random.below(20)) {
    case 0:
    case 1:
      return [0x83, (random.oneIn(2) ? 0xc0 : 0xe8) | pointer, step & 0xff]
    case 2:
      return [(random.oneIn(2) ? 0x40 : 0x48) + pointer]
    case 3:
    case 4:
      // lea pointer, [other + step]
      return [0x8d, 0x40 | (pointer << 3) | other, step & 0xff]
    case 5:
      return [0x89, 0xc0 | (other << 3) | pointer]
    case 6:
      return [0x87, 0xc0 | (other << 3) | pointer]
    case 7:
      return [0x0f, 0x40 + random.below(16), 0xc0 | (pointer << 3) | other]
    case 8:
      // jcc over add pointer, step
      return [0x70 + random.below(16), 3, 0x83, 0xc0 | pointer, step & 0xff]
    case 9:
      // The low half or byte alone: somewhere else in the same 64 KiB or 256 bytes.
      if (pointer === Gpr.Ebx) return [0xb0 + random.pick([3, 7]), 0x20 + random.below(0x40)]
      return [OPERAND_SIZE, 0xb8 + pointer, random.below(256), 0x20 + random.below(0x40)]
    case 10:
      return [0x50 + pointer, 0x58 + other]
    case 11:
    case 12: {
      // Spilled and reloaded: mov [ebp + n], pointer; mov other, [ebp + n]
      const slot = 4 * random.below(16)
      return [0x89, 0x45 | (pointer << 3), slot, 0x8b, 0x45 | (other << 3), slot]
    }
    case 13:
      // Through the stack: pusha; add [esp + n], step; popa
      return [0x60, 0x83, 0x44, 0x24, random.pick([0, 4, 16]), step & 0xff, 0x61]
    case 14:
      // enter 16, 0; and dword [ebp - 4], 0; add pointer, [ebp - 4]; leave
      return [0xc8, 16, 0, 0, 0x83, 0x65, 0xfc, 0, 0x03, 0x45 | (pointer << 3), 0xfc, 0xc9]
    case 15:
      return [random.pick([0xa4, 0xa5, 0xaa, 0xab, 0xac, 0xad, 0xa6, 0xa7, 0xae, 0xaf])]
    case 17: {
      // lea eax, [ebp + n]; mov [eax + 4], ecx; cmpxchg pointer, ecx; mov edx, [eax + 8]: EAX becomes the pointer, or not.
      const place = word32(random.below(DATA_REACH) - (DATA_REACH >> 1))
      return [0x8d, 0x85, ...place, 0x89, 0x48, 4, 0x0f, 0xb1, 0xc8 | pointer, 0x8b, 0x50, 8]
    }
    case 18:
      // mov edx, [pointer + n]; mov [pointer + m], ecx: what may be read may be written only after a look.
      return [0x8b, 0x50 | pointer, step & 0x7c, 0x89, 0x48 | pointer, random.below(0x40)]
    case 16:
      // bswap twice: what it held, by a way that nobody follows.
      return [0x0f, 0xc8 + pointer, 0x0f, 0xc8 + pointer]
    default:
      return setPointer(random, environment)
  }
}

/** A plain access near a pointer: a load, a store, or both at once. */
export function touch(random: Random): number[] {
  const { before, modrm } = pointerOperand(random)
  const opcode = random.pick([0x8b, 0x03, 0x13, 0x3b, 0x89, 0x01, 0x31, 0x8a, 0x88, 0xff])
  return [...before, opcode, ...modrm(opcode === 0xff ? random.below(2) : random.pick([Gpr.Eax, Gpr.Ecx, Gpr.Edx]))]
}
