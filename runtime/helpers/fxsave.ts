/**
 * FXSAVE and FXRSTOR: x87, MMX and SSE state as a 512-byte image, 16-byte aligned.
 *
 *   0 FCW  2 FSW  4 abridged tags  6 FOP  8 FIP  12 FCS  16 FDP  20 FDS  24 MXCSR  28 MXCSR_MASK
 *   32 + 16 i  ST(i)      160 + 16 i  XMM i (i < 8)      the rest is neither read nor written
 *
 * Neither instruction looks at pending x87 exceptions. Source: Intel SDM vol. 1, 10.5.1; vol. 2, FXSAVE, FXRSTOR.
 */
import {
  FPR, FPU_CONTROL, FPU_DATA_OFFSET, FPU_DATA_SELECTOR, FPU_INSTRUCTION_OFFSET, FPU_INSTRUCTION_SELECTOR, FPU_OPCODE,
  FPU_TAG, MXCSR, VECTOR_GP, XMM,
} from '../../build/helpers/layout'
import {
  faulted, probeRead, probeWrite, raiseCode, read16, read32, read64, read8, write16, write32, write64,
} from './memory'
import { loadStatusWord, x87Available, x87LoadControlWord, x87StatusWord } from './x87-control'
import { physical } from './x87-state'

const IMAGE_BYTES: u32 = 512
const ALIGNMENT_MASK: u32 = 15

const AT_CONTROL: u32 = 0
const AT_STATUS: u32 = 2
const AT_TAG: u32 = 4
const AT_OPCODE: u32 = 6
const AT_INSTRUCTION_OFFSET: u32 = 8
const AT_INSTRUCTION_SELECTOR: u32 = 12
const AT_DATA_OFFSET: u32 = 16
const AT_DATA_SELECTOR: u32 = 20
const AT_MXCSR: u32 = 24
const AT_MXCSR_MASK: u32 = 28
const AT_REGISTERS: u32 = 32
const AT_XMM: u32 = 160

/** XMM registers outside 64-bit mode. */
const XMM_REGISTERS: u32 = 8

/** Bits of MXCSR that exist, denormals-are-zeros among them. */
export const MXCSR_MASK: u32 = 0xffff

/** #NM, then #GP(0) for a misaligned image. Returns true when raised. */
function refused(linear: u32): bool {
  x87Available()
  if (!faulted() && (linear & ALIGNMENT_MASK) != 0) raiseCode(VECTOR_GP, 0)
  return faulted()
}

/** FXSAVE to `linear`. */
export function fxsave(linear: u32): void {
  if (refused(linear)) return
  probeWrite(linear, IMAGE_BYTES)
  if (faulted()) return
  write16(linear + AT_CONTROL, load<u32>(FPU_CONTROL))
  write16(linear + AT_STATUS, x87StatusWord())
  write16(linear + AT_TAG, load<u32>(FPU_TAG))
  write16(linear + AT_OPCODE, load<u32>(FPU_OPCODE))
  write32(linear + AT_INSTRUCTION_OFFSET, load<u32>(FPU_INSTRUCTION_OFFSET))
  write32(linear + AT_INSTRUCTION_SELECTOR, load<u32>(FPU_INSTRUCTION_SELECTOR) & 0xffff)
  write32(linear + AT_DATA_OFFSET, load<u32>(FPU_DATA_OFFSET))
  write32(linear + AT_DATA_SELECTOR, load<u32>(FPU_DATA_SELECTOR) & 0xffff)
  write32(linear + AT_MXCSR, load<u32>(MXCSR))
  write32(linear + AT_MXCSR_MASK, MXCSR_MASK)
  for (let i = 0; i < 8; i++) {
    const from = FPR + (physical(i) << 4)
    const to = linear + AT_REGISTERS + (<u32>i << 4)
    write64(to, load<u64>(from))
    write64(to + 8, <u64>load<u16>(from, 8))
  }
  for (let i: u32 = 0; i < XMM_REGISTERS << 4; i += 8) write64(linear + AT_XMM + i, load<u64>(XMM + i))
}

/** FXRSTOR from `linear`. #GP(0) when MXCSR has a reserved bit set. */
export function fxrstor(linear: u32): void {
  if (refused(linear)) return
  probeRead(linear, IMAGE_BYTES)
  if (faulted()) return
  const mxcsr = read32(linear + AT_MXCSR)
  if ((mxcsr & ~MXCSR_MASK) != 0) {
    raiseCode(VECTOR_GP, 0)
    return
  }
  store<u32>(MXCSR, mxcsr)
  x87LoadControlWord(read16(linear + AT_CONTROL))
  loadStatusWord(read16(linear + AT_STATUS))
  store<u32>(FPU_TAG, read8(linear + AT_TAG))
  store<u32>(FPU_OPCODE, read16(linear + AT_OPCODE))
  store<u32>(FPU_INSTRUCTION_OFFSET, read32(linear + AT_INSTRUCTION_OFFSET))
  store<u32>(FPU_INSTRUCTION_SELECTOR, read16(linear + AT_INSTRUCTION_SELECTOR))
  store<u32>(FPU_DATA_OFFSET, read32(linear + AT_DATA_OFFSET))
  store<u32>(FPU_DATA_SELECTOR, read16(linear + AT_DATA_SELECTOR))
  for (let i = 0; i < 8; i++) {
    const from = linear + AT_REGISTERS + (<u32>i << 4)
    const to = FPR + (physical(i) << 4)
    store<u64>(to, read64(from))
    store<u16>(to, <u16>read16(from + 8), 8)
  }
  for (let i: u32 = 0; i < XMM_REGISTERS << 4; i += 8) store<u64>(XMM + i, read64(linear + AT_XMM + i))
}
