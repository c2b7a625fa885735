/**
 * Far jumps, calls and returns, software interrupts, SYSENTER (SDM vol. 2). All of them are helpers
 * (runtime/helpers/transfers.ts, interrupts.ts, sysenter.ts) that store the new CS:EIP; each ends its run, because
 * mode, privilege and address map may have changed.
 */
import { Vector } from '../../runtime/state.ts'
import { declareHelpers } from '../helper-signatures.ts'
import type { Definition } from './builder.ts'

declareHelpers(`
  farJump(i32,i32,i32,i32)! farCall(i32,i32,i32,i32)! farReturn(i32,i32)! iret(i32,i32)!
  deliverInterrupt(i32,i32,i32)! interruptOnOverflow(i32)!
  sysenter()! sysexit()!
`)

/** Kinds of event as runtime/helpers/interrupts.ts numbers them. */
enum EventKind {
  IntN,
  Int3,
  Int1,
}

/** JMP, CALL ptr16:16/32 and m16:16/32    CS:EIP := the pointer, or what the gate or task it names says. */
function farTransfer(helper: 'farJump' | 'farCall'): Definition {
  return (b, { operands, operandSize }) => {
    const direct = operands[0].kind === 'far'
    const offset = direct ? b.read(0) : b.loadOperand(0, operandSize)
    const selector = direct ? b.farSelector(0) : b.loadOperand(0, 16, operandSize / 8)
    b.call(helper, selector, offset, operandSize, b.next())
    b.endRun(true)
  }
}

/** RETF, RETF imm16    CS:EIP := pop; the stack loses imm16 more bytes. */
const retf: Definition = (b, { operands, operandSize }) => {
  b.call('farReturn', operandSize, operands.length > 0 ? b.and(b.read(0), 0xffff) : 0)
  b.endRun(true)
}

/** IRET, IRETD    EIP, CS, EFLAGS := pop; or back to the previous task. */
const iret: Definition = (b, { operandSize }) => {
  b.call('iret', operandSize, b.next())
  b.endRun(true)
}

/** INT imm8    calls the handler of a vector. */
const int: Definition = b => {
  b.call('deliverInterrupt', b.and(b.read(0), 0xff), b.next(), EventKind.IntN)
  b.endRun(true)
}

/** INT3    calls the breakpoint handler. */
const int3: Definition = b => {
  b.call('deliverInterrupt', Vector.BP, b.next(), EventKind.Int3)
  b.endRun(true)
}

/** INTO    calls the overflow handler if OF is set. */
const into: Definition = b => {
  b.call('interruptOnOverflow', b.next())
  b.endRun(true)
}

/** INT1    calls the debug handler, whatever the privilege of its gate. */
const int1: Definition = b => {
  b.call('deliverInterrupt', Vector.DB, b.next(), EventKind.Int1)
  b.endRun(true)
}

/** SYSENTER    to the level 0 entry point in the MSRs. */
const sysenter: Definition = b => {
  b.call('sysenter')
  b.endRun(true)
}

/** SYSEXIT    to EDX at level 3, with ECX as stack pointer. */
const sysexit: Definition = b => {
  b.call('sysexit')
  b.endRun(true)
}

export const farTransfers: Readonly<Record<string, Definition>> = {
  jmpf: farTransfer('farJump'),
  callf: farTransfer('farCall'),
  retf,
  iret,
  int,
  int3,
  into,
  int1,
  sysenter,
  sysexit,
}
