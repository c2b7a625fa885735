/**
 * String instructions (SDM vol. 2): one step each. REP, the count register and the interrupt windows between pieces
 * belong to the back ends. The source segment may be overridden, the destination is always ES.
 */
import { Lazy } from '../../runtime/flags.ts'
import { Gpr, Segment } from '../../runtime/state.ts'
import { declareHelpers } from '../helper-signatures.ts'
import type { Builder, Definition, Value } from './builder.ts'

declareHelpers('checkIo(i32,i32)! portIn(i32,i32):i32! portOut(i32,i32,i32)!')

/** Moves ESI or EDI on by one element. */
function advance(b: Builder, register: Gpr, step: Value): void {
  const { addressSize } = b.facts
  b.setRegister(register, addressSize, b.truncate(b.add(b.register(register, addressSize), step), addressSize))
}

function source(b: Builder): Value {
  return b.load('operand', b.register(Gpr.Esi, b.facts.addressSize), b.facts.operandSize)
}

function destination(b: Builder): Value {
  return b.load(Segment.Es, b.register(Gpr.Edi, b.facts.addressSize), b.facts.operandSize)
}

function storeDestination(b: Builder, value: Value): void {
  b.store(Segment.Es, b.register(Gpr.Edi, b.facts.addressSize), b.facts.operandSize, value)
}

/** MOVS    ES:[EDI] := seg:[ESI]. */
const movs: Definition = (b, { operandSize }) => {
  storeDestination(b, source(b))
  const step = b.step(operandSize / 8)
  advance(b, Gpr.Esi, step)
  advance(b, Gpr.Edi, step)
}

/** STOS    ES:[EDI] := accumulator. */
const stos: Definition = (b, { operandSize }) => {
  storeDestination(b, b.register(Gpr.Eax, operandSize))
  advance(b, Gpr.Edi, b.step(operandSize / 8))
}

/** LODS    accumulator := seg:[ESI]. */
const lods: Definition = (b, { operandSize }) => {
  b.setRegister(Gpr.Eax, operandSize, source(b))
  advance(b, Gpr.Esi, b.step(operandSize / 8))
}

/** CMPS    seg:[ESI] - ES:[EDI], for its flags. Sets OSZAPC. */
const cmps: Definition = (b, { operandSize }) => {
  const left = source(b)
  const right = destination(b)
  const step = b.step(operandSize / 8)
  advance(b, Gpr.Esi, step)
  advance(b, Gpr.Edi, step)
  b.setFlags(Lazy.Sub, operandSize, b.truncate(b.sub(left, right), operandSize), left, right)
}

/** SCAS    accumulator - ES:[EDI], for its flags. Sets OSZAPC. */
const scas: Definition = (b, { operandSize }) => {
  const left = b.register(Gpr.Eax, operandSize)
  const right = destination(b)
  advance(b, Gpr.Edi, b.step(operandSize / 8))
  b.setFlags(Lazy.Sub, operandSize, b.truncate(b.sub(left, right), operandSize), left, right)
}

/** INS    ES:[EDI] := port DX. The destination is proved writable before the port is read. */
const ins: Definition = (b, { operandSize, addressSize }) => {
  const port = b.register(Gpr.Edx, 16)
  b.call('checkIo', port, operandSize / 8)
  const linear = b.call('segmentWrite', Segment.Es, b.register(Gpr.Edi, addressSize), operandSize / 8)
  b.call('probeWrite', linear, operandSize / 8)
  storeDestination(b, b.call('portIn', port, operandSize))
  advance(b, Gpr.Edi, b.step(operandSize / 8))
  b.endRun()
}

/** OUTS    port DX := seg:[ESI]. */
const outs: Definition = (b, { operandSize }) => {
  const port = b.register(Gpr.Edx, 16)
  b.call('checkIo', port, operandSize / 8)
  b.call('portOut', port, operandSize, source(b))
  advance(b, Gpr.Esi, b.step(operandSize / 8))
  b.endRun()
}

export const strings: Readonly<Record<string, Definition>> = { movs, stos, lods, cmps, scas, ins, outs }
