/** Near jumps, calls, returns and loops (SDM vol. 2). Targets outside CS raise #GP(0) before anything is pushed. */
import { Gpr, Vector } from '../../runtime/state.ts'
import type { Builder, Definition } from './builder.ts'

/** Jcc rel    if cc, EIP := target. */
const jcc: Definition = (b, { condition }) => b.branch(b.condition(condition))

/** JMP rel, JMP r/m    EIP := target. */
const jmp: Definition = (b, { operands, operandSize }) => {
  if (operands[0].kind === 'relative') {
    b.jump()
    return
  }
  const target = b.truncate(b.read(0), operandSize)
  b.checkTarget(target)
  b.jumpTo(target)
}

/** CALL rel, CALL r/m    push EIP, EIP := target. */
const call: Definition = (b, { operands, operandSize }) => {
  const back = b.truncate(b.next(), operandSize)
  if (operands[0].kind === 'relative') {
    b.checkTarget(b.target())
    b.push(back, operandSize)
    b.jump()
    return
  }
  const target = b.truncate(b.read(0), operandSize)
  b.checkTarget(target)
  b.push(back, operandSize)
  b.jumpTo(target)
}

/** RET, RET imm16    EIP := pop; ESP moves on by imm16. */
const ret: Definition = (b, { operands, operandSize }) => {
  const target = b.top(operandSize)
  b.checkTarget(target)
  const bytes = operandSize / 8
  b.release(operands.length > 0 ? b.add(b.and(b.read(0), 0xffff), bytes) : bytes)
  b.jumpTo(target)
}

/** Decrements the count register of the address size and gives it; LOOP changes no flags. */
function countDown(b: Builder, size: number) {
  const count = b.truncate(b.sub(b.register(Gpr.Ecx, size), 1), size)
  return count
}

/** LOOP, LOOPE, LOOPNE rel8    count down ECX (CX); branch while it is not zero (and ZF is as the name says). */
function loopWhile(zero: number | undefined): Definition {
  return (b, { addressSize }) => {
    const count = countDown(b, addressSize)
    const ZF_SET = 4
    const more = b.ne(count, 0)
    const taken = zero === undefined ? more : b.and(more, b.condition(zero === 1 ? ZF_SET : ZF_SET + 1))
    // A target outside CS must fault before the count changes.
    b.if(taken, () => b.checkTarget(b.target()))
    b.setRegister(Gpr.Ecx, addressSize, count)
    b.branch(taken)
  }
}

/** JCXZ, JECXZ rel8    branch if CX or ECX is zero. */
const jcxz: Definition = (b, { addressSize }) => b.branch(b.eqz(b.register(Gpr.Ecx, addressSize)))

/** BOUND r, m    #BR unless lower <= r <= upper, signed. */
const bound: Definition = b => {
  const size = b.sizeOf(0)
  const index = b.signExtend(b.read(0), size)
  const lower = b.signExtend(b.loadOperand(1, size), size)
  const upper = b.signExtend(b.loadOperand(1, size, size / 8), size)
  b.faultIf(b.or(b.ltS(index, lower), b.gtS(index, upper)), Vector.BR)
}

/** UD0, UD1, UD2    #UD. */
const undefinedOpcode: Definition = b => b.fault(Vector.UD)

export const branches: Readonly<Record<string, Definition>> = {
  jcc, jmp, call, ret, jcxz, bound,
  loop: loopWhile(undefined),
  loope: loopWhile(1),
  loopne: loopWhile(0),
  ud0: undefinedOpcode, ud1: undefinedOpcode, ud2: undefinedOpcode,
}

