/** The stack (SDM vol. 2). Values are stored before ESP moves, so a fault leaves everything as it was. */
import { Lazy } from '../../runtime/flags.ts'
import { Eflags, Gpr, Segment } from '../../runtime/state.ts'
import { declareHelpers } from '../helper-signatures.ts'
import type { Definition } from './builder.ts'
import { popSegment, pushSegment } from './segment.ts'

declareHelpers('enter(i32,i32,i32)!')

/** PUSH r/m, PUSH imm    an immediate is sign-extended to the operand size. */
const push: Definition = (b, facts) => {
  const { operandSize, operands } = facts
  if (operands[0].class === 'segment') return pushSegment(b, facts)
  b.push(b.truncate(b.read(0), operandSize), operandSize)
}

/**
 * POP r/m    A memory destination's address counts ESP as already moved when ESP is its base; normalise.ts adds that
 * to the displacement.
 */
const pop: Definition = (b, facts) => {
  const { operandSize, operands } = facts
  if (operands[0].class === 'segment') return popSegment(b, facts)
  const value = b.top(operandSize)
  if (operands[0].kind === 'memory') {
    b.write(0, value)
    // The store is the last thing that can fault.
    b.release(operandSize / 8)
    return
  }
  // POP ESP: the popped value wins over the increment.
  b.release(operandSize / 8)
  b.write(0, value)
}

const pushOrder = [Gpr.Eax, Gpr.Ecx, Gpr.Edx, Gpr.Ebx, Gpr.Esp, Gpr.Ebp, Gpr.Esi, Gpr.Edi]

/** PUSHA, PUSHAD    eight registers, ESP as it was. */
const pusha: Definition = (b, { operandSize }) => {
  // A fault in the middle has written only below the stack pointer, which does not move before the end.
  b.restartable()
  const bytes = operandSize / 8
  pushOrder.forEach((register, i) => {
    b.store(Segment.Ss, b.stackAt(-bytes * (i + 1)), operandSize, b.register(register, operandSize))
  })
  b.release(-bytes * pushOrder.length)
}

/** POPA, POPAD    eight registers; the image of ESP is passed over. */
const popa: Definition = (b, { operandSize }) => {
  // A fault in the middle leaves the registers popped before it, as CPUs do; ESP has not moved, so it can be repeated.
  b.restartable()
  const bytes = operandSize / 8
  const order = [...pushOrder].reverse()
  order.forEach((register, i) => {
    // The image of ESP is read, and may fault, all the same.
    const value = b.load(Segment.Ss, b.stackAt(bytes * i), operandSize)
    if (register !== Gpr.Esp) b.setRegister(register, operandSize, value)
  })
  b.release(bytes * order.length)
}

/** LEAVE    ESP := EBP, EBP := pop. */
const leave: Definition = (b, { operandSize }) => {
  const frame = b.maskStack(b.register(Gpr.Ebp, 32))
  const value = b.load(Segment.Ss, frame, operandSize)
  b.setStackPointer(b.maskStack(b.add(frame, operandSize / 8)))
  b.setRegister(Gpr.Ebp, operandSize, value)
}

/** ENTER imm16, imm8    makes a stack frame; the nesting level (0..31) copies frame pointers. */
const enter: Definition = (b, { operandSize }) => {
  b.call('enter', b.and(b.read(0), 0xffff), b.and(b.read(1), 31), operandSize)
}

/** LAHF    AH := SF ZF 0 AF 0 PF 1 CF. */
const lahf: Definition = b => {
  const image = b.or(b.and(b.arithmeticFlags(), LOW_FLAGS), 2)
  const rest = b.and(b.register(Gpr.Eax, 32), ~0xff00)
  b.setRegister(Gpr.Eax, 32, b.or(rest, b.shl(image, 8)))
}

/** SAHF    SF ZF AF PF CF := AH; OF stays. */
const sahf: Definition = b => {
  const overflow = b.select(b.condition(OVERFLOW), Eflags.OF, 0)
  const image = b.or(b.and(b.highByteOfAx(), LOW_FLAGS), overflow)
  const different = b.xor(b.and(image, Eflags.ZF), Eflags.ZF)
  b.setFlags(Lazy.Explicit, 32, different, undefined, image, b.and(image, Eflags.CF))
}

/** Condition code: OF is set. */
const OVERFLOW = 0

/** The arithmetic flags in the low byte of EFLAGS. */
const LOW_FLAGS = Eflags.SF | Eflags.ZF | Eflags.AF | Eflags.PF | Eflags.CF

/** CLC    CF := 0. */
const clc: Definition = b => b.setCarry(0)

/** STC    CF := 1. */
const stc: Definition = b => b.setCarry(1)

/** CMC    CF := not CF. */
const cmc: Definition = b => b.setCarry(b.xor(b.carry(), 1))

/** CLD    DF := 0. */
const cld: Definition = b => b.setField('eflags', b.and(b.field('eflags'), ~Eflags.DF))

/** STD    DF := 1. */
const std: Definition = b => b.setField('eflags', b.or(b.field('eflags'), Eflags.DF))

export const stack: Readonly<Record<string, Definition>> = {
  push, pop, pusha, popa, leave, enter, lahf, sahf, clc, stc, cmc, cld, std,
}
