/**
 * FNSTENV, FLDENV, FNSAVE, FRSTOR: the x87 environment in its four layouts.
 *
 * Each slot of the layout is 16 or 32 bits by the operand size; the pointers are selector:offset in protected mode,
 * and 20- or 32-bit linear addresses in real and virtual-8086 mode:
 *
 *   slot   protected 32                real 32                       protected 16   real 16
 *   0..2   control, status, tag        the same                      the same       the same
 *   3      FIP                         FIP 15..0                     FIP            FIP 15..0
 *   4      opcode << 16 | FCS          FIP 31..16 << 12 | opcode     FCS            FIP 19..16 << 12 | opcode
 *   5      FDP                         FDP 15..0                     FDP            FDP 15..0
 *   6      FDS                         FDP 31..16 << 12              FDS            FDP 19..16 << 12
 *
 * The image is checked for faults over its whole length before anything is read or written.
 * Source: Intel SDM vol. 1, figures 8-9 to 8-12; vol. 2, FSTENV, FSAVE, FLDENV, FRSTOR.
 */
import {
  FPR, FPU_CONTROL, FPU_DATA_OFFSET, FPU_DATA_SELECTOR, FPU_INSTRUCTION_OFFSET, FPU_INSTRUCTION_SELECTOR, FPU_OPCODE,
  FPU_STATUS, FPU_TAG,
} from '../../build/helpers/layout'
import { probeImage, readImage16, readImage32, readImage64, writeImage16, writeImage32, writeImage64 } from './memory'
import { inProtectedMode } from './segments'
import { EXPONENT_MASK, isNormal, isZero } from './softfloat80'
import { loadStatusWord, x87Initialise, x87LoadControlWord, x87StatusWord } from './x87-control'
import { physical, STATUS_EXCEPTIONS, summarise } from './x87-state'

/** Slots of the environment. */
const SLOT_CONTROL: u32 = 0
const SLOT_STATUS: u32 = 1
const SLOT_TAG: u32 = 2
const SLOT_INSTRUCTION: u32 = 3
const SLOT_INSTRUCTION_HIGH: u32 = 4
const SLOT_DATA: u32 = 5
const SLOT_DATA_HIGH: u32 = 6
const SLOTS: u32 = 7

/** Bytes of the eight registers behind the environment in an FSAVE image. */
const REGISTERS_BYTES: u32 = 80
const REGISTER_BYTES: u32 = 10
const OPCODE_MASK: u32 = 0x7ff
/** Upper half of slots that hold 16 bits in the 32-bit layouts. */
const FILL: u32 = 0xffff0000

/** Tags of the full tag word. */
const TAG_VALID: u32 = 0
const TAG_ZERO: u32 = 1
const TAG_SPECIAL: u32 = 2
const TAG_EMPTY: u32 = 3

/** Bytes of the environment for `size` 16 or 32. */
function environmentBytes(size: i32): u32 {
  return SLOTS * (<u32>size >> 3)
}

function writeSlot(linear: u32, size: i32, slot: u32, value: u32): void {
  if (size == 16) writeImage16(linear + slot * 2, value & 0xffff)
  else writeImage32(linear + slot * 4, value)
}

function readSlot(linear: u32, size: i32, slot: u32): u32 {
  return size == 16 ? readImage16(linear + slot * 2) : readImage32(linear + slot * 4)
}

/** The full tag word, two bits for each physical register, worked out from the contents. */
export function tagWord(): u32 {
  const used = load<u32>(FPU_TAG)
  let word: u32 = 0
  for (let number: u32 = 0; number < 8; number++) {
    let tag = TAG_EMPTY
    if (((used >> number) & 1) != 0) {
      const sig = load<u64>(FPR + (number << 4))
      const se = <u32>load<u16>(FPR + (number << 4), 8)
      tag = isNormal(sig, se & EXPONENT_MASK) ? TAG_VALID : isZero(sig, se) ? TAG_ZERO : TAG_SPECIAL
    }
    word |= tag << (number << 1)
  }
  return word
}

/** Takes from a full tag word which registers are in use. */
function loadTagWord(word: u32): void {
  let used: u32 = 0
  for (let number: u32 = 0; number < 8; number++) {
    if (((word >> (number << 1)) & 3) != TAG_EMPTY) used |= 1 << number
  }
  store<u32>(FPU_TAG, used)
}

function writeEnvironment(linear: u32, size: i32): void {
  const fill: u32 = size == 16 ? 0 : FILL
  writeSlot(linear, size, SLOT_CONTROL, fill | load<u32>(FPU_CONTROL))
  writeSlot(linear, size, SLOT_STATUS, fill | x87StatusWord())
  writeSlot(linear, size, SLOT_TAG, fill | tagWord())
  const opcode = load<u32>(FPU_OPCODE) & OPCODE_MASK
  const instructionSelector = load<u32>(FPU_INSTRUCTION_SELECTOR) & 0xffff
  const dataSelector = load<u32>(FPU_DATA_SELECTOR) & 0xffff
  let instruction = load<u32>(FPU_INSTRUCTION_OFFSET)
  let data = load<u32>(FPU_DATA_OFFSET)
  if (inProtectedMode()) {
    writeSlot(linear, size, SLOT_INSTRUCTION, instruction)
    writeSlot(linear, size, SLOT_INSTRUCTION_HIGH, (size == 16 ? 0 : opcode << 16) | instructionSelector)
    writeSlot(linear, size, SLOT_DATA, data)
    writeSlot(linear, size, SLOT_DATA_HIGH, fill | dataSelector)
    return
  }
  instruction += instructionSelector << 4
  data += dataSelector << 4
  writeSlot(linear, size, SLOT_INSTRUCTION, fill | (instruction & 0xffff))
  writeSlot(linear, size, SLOT_INSTRUCTION_HIGH, ((instruction >> 16) << 12) | opcode)
  writeSlot(linear, size, SLOT_DATA, fill | (data & 0xffff))
  writeSlot(linear, size, SLOT_DATA_HIGH, (data >> 16) << 12)
}

function readEnvironment(linear: u32, size: i32): void {
  x87LoadControlWord(readSlot(linear, size, SLOT_CONTROL))
  loadStatusWord(readSlot(linear, size, SLOT_STATUS))
  loadTagWord(readSlot(linear, size, SLOT_TAG))
  const instruction = readSlot(linear, size, SLOT_INSTRUCTION)
  const instructionHigh = readSlot(linear, size, SLOT_INSTRUCTION_HIGH)
  const data = readSlot(linear, size, SLOT_DATA)
  const dataHigh = readSlot(linear, size, SLOT_DATA_HIGH)
  if (inProtectedMode()) {
    store<u32>(FPU_INSTRUCTION_OFFSET, instruction)
    store<u32>(FPU_INSTRUCTION_SELECTOR, instructionHigh & 0xffff)
    if (size != 16) store<u32>(FPU_OPCODE, (instructionHigh >> 16) & OPCODE_MASK)
    store<u32>(FPU_DATA_OFFSET, data)
    store<u32>(FPU_DATA_SELECTOR, dataHigh & 0xffff)
    return
  }
  // Linear addresses: kept as offsets from selector 0.
  const highMask: u32 = size == 16 ? 0xf : 0xffff
  store<u32>(FPU_INSTRUCTION_OFFSET, (instruction & 0xffff) | (((instructionHigh >> 12) & highMask) << 16))
  store<u32>(FPU_INSTRUCTION_SELECTOR, 0)
  store<u32>(FPU_OPCODE, instructionHigh & OPCODE_MASK)
  store<u32>(FPU_DATA_OFFSET, (data & 0xffff) | (((dataHigh >> 12) & highMask) << 16))
  store<u32>(FPU_DATA_SELECTOR, 0)
}

/** FNSTENV to `linear`, operand size 16 or 32. Then masks all exceptions. */
export function x87StoreEnvironment(linear: u32, size: i32): void {
  if (!probeImage(linear, environmentBytes(size), <u32>size >> 3, true)) return
  writeEnvironment(linear, size)
  const control = load<u32>(FPU_CONTROL) | STATUS_EXCEPTIONS
  store<u32>(FPU_CONTROL, control)
  store<u32>(FPU_STATUS, summarise(load<u32>(FPU_STATUS), control))
}

/** FLDENV from `linear`, operand size 16 or 32. */
export function x87LoadEnvironment(linear: u32, size: i32): void {
  if (!probeImage(linear, environmentBytes(size), <u32>size >> 3, false)) return
  readEnvironment(linear, size)
}

/** FNSAVE to `linear`, operand size 16 or 32: environment, ST(0) to ST(7), then FNINIT. */
export function x87Save(linear: u32, size: i32): void {
  if (!probeImage(linear, environmentBytes(size) + REGISTERS_BYTES, <u32>size >> 3, true)) return
  writeEnvironment(linear, size)
  let to = linear + environmentBytes(size)
  for (let i = 0; i < 8; i++) {
    const from = FPR + (physical(i) << 4)
    writeImage64(to, load<u64>(from))
    writeImage16(to + 8, <u32>load<u16>(from, 8))
    to += REGISTER_BYTES
  }
  x87Initialise()
}

/** FRSTOR from `linear`, operand size 16 or 32. */
export function x87Restore(linear: u32, size: i32): void {
  if (!probeImage(linear, environmentBytes(size) + REGISTERS_BYTES, <u32>size >> 3, false)) return
  readEnvironment(linear, size)
  let from = linear + environmentBytes(size)
  for (let i = 0; i < 8; i++) {
    const to = FPR + (physical(i) << 4)
    store<u64>(to, readImage64(from))
    store<u16>(to, <u16>readImage16(from + 8), 8)
    from += REGISTER_BYTES
  }
}
