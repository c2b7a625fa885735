/** Data movement (SDM vol. 2). No flags. */
import { Gpr } from '../../runtime/state.ts'
import type { Definition } from './builder.ts'

/** MOV r/m, r and its forms    dst := src. */
const mov: Definition = b => b.write(0, b.read(1))

/** MOVZX r, r/m    dst := src, zero-extended. */
const movzx: Definition = b => b.write(0, b.read(1))

/** MOVSX r, r/m    dst := src, sign-extended. */
const movsx: Definition = b => {
  b.write(0, b.truncate(b.signExtend(b.read(1), b.sizeOf(1)), b.sizeOf(0)))
}

/** LEA r, m    dst := offset of src, cut or zero-extended to the operand size. */
const lea: Definition = b => b.write(0, b.truncate(b.addressOf(1), b.sizeOf(0)))

/** XCHG r/m, r    swaps. */
const xchg: Definition = b => {
  const source = b.read(1)
  const destination = b.readForModify(0)
  b.write(1, destination)
  b.writeModified(0, source)
}

/** CMOVcc r, r/m    if cc, dst := src. The source is read (and may fault) either way. */
const cmovcc: Definition = (b, { condition }) => {
  const source = b.read(1)
  b.write(0, b.select(b.condition(condition), source, b.read(0)))
}

/** SETcc r/m8    dst := cc ? 1 : 0. */
const setcc: Definition = (b, { condition }) => b.write(0, b.condition(condition))

/** CBW, CWDE    the accumulator's lower half, sign-extended into the whole. */
const cbw: Definition = (b, { operandSize }) => {
  const half = operandSize / 2
  const value = b.signExtend(b.register(Gpr.Eax, half), half)
  b.setRegister(Gpr.Eax, operandSize, b.truncate(value, operandSize))
}

/** CWD, CDQ    DX or EDX := the accumulator's sign in every bit. */
const cwd: Definition = (b, { operandSize }) => {
  const value = b.sar(b.signExtend(b.register(Gpr.Eax, operandSize), operandSize), 31)
  b.setRegister(Gpr.Edx, operandSize, b.truncate(value, operandSize))
}

/** XLAT    AL := byte at seg:[EBX + AL]. */
const xlat: Definition = (b, { addressSize }) => {
  const base = b.register(Gpr.Ebx, addressSize)
  const offset = b.maskAddress(b.add(base, b.register(Gpr.Eax, 8)))
  b.setRegister(Gpr.Eax, 8, b.load('operand', offset, 8))
}

/** MOVBE    dst := src with its bytes reversed. */
const movbe: Definition = b => {
  const size = b.sizeOf(0)
  const value = b.read(1)
  if (size === 16) {
    b.write(0, b.and(b.or(b.shl(value, 8), b.shr(value, 8)), 0xffff))
    return
  }
  b.write(0, b.or(b.and(b.rotl(value, 8), 0x00ff00ff), b.and(b.rotr(value, 8), 0xff00ff00 | 0)))
}

/** NOP, PAUSE, PREFETCHh, the fences and hint NOPs    nothing. */
const nop: Definition = () => {}

export const moves: Readonly<Record<string, Definition>> = {
  mov, movzx, movsx, lea, xchg, cmovcc, setcc, cbw, cwd, xlat, movbe, nop, pause: nop, prefetchw: nop, prefetchnta: nop,
  prefetcht0: nop, prefetcht1: nop, prefetcht2: nop, lfence: nop, mfence: nop, sfence: nop,
}
