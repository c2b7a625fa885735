/**
 * Vector instructions in regions. MM and XMM registers stay in the state, at addresses that are constants here; general
 * registers are locals, so only helpers that touch nothing but vector state are called.
 *
 *   operation   inline, and for what is rare about it (exceptions, denormals, odd roundings) a helper
 *   exception   the helper raises it; the region takes that back and leaves in front of the instruction
 */
import { Cr0, stateAddress, type StateName } from '../../runtime/state.ts'
import type { RegisterOperand } from '../decode/instruction.ts'
import { type HelperSignature, helperSignatures } from '../helper-signatures.ts'
import type { Node } from '../ir.ts'
import { WasmType } from '../wasm/module-writer.ts'
import type { Expression, RegionModule } from './value.ts'
import { peek, poke } from './vector.ts'

/** ES of the x87 status word: an unmasked exception is pending. */
const X87_SUMMARY = 0x80

/** Address of the slot of an MM or XMM register; undefined for other registers. */
export function vectorSlot({ class: file, index }: RegisterOperand): number | undefined {
  if (file === 'xmm') return stateAddress('xmm', index)
  if (file === 'mm') return stateAddress('fpr', index)
  return undefined
}

/** A 'peek'. */
export function readVectorRegister(m: RegionModule, node: Node, address: Expression): Expression {
  return peek(m, node.type, node.size, node.number, address)
}

/** A 'poke'. */
export function pokeVector(m: RegionModule, node: Node, address: Expression, value: Expression): Expression {
  return poke(m, node.args[1].type, node.size, node.number, address, value)
}

/** Nonzero when an instruction of `unit` ('sse' or 'mmx') would raise #UD, #NM or #MF before anything else. */
export function requirement(m: RegionModule, unit: string): Expression {
  const field = (name: StateName) => m.i32.load(stateAddress(name), 4, m.i32.const(0))
  if (unit === 'sse') return field('sseBlocked')
  const blocked = m.i32.and(field('cr0'), m.i32.const(Cr0.EM | Cr0.TS))
  return m.i32.or(blocked, m.i32.and(field('fpuStatus'), m.i32.const(X87_SUMMARY)))
}

/** The signature of a helper that regions may call: at most one parameter, an i32. Throws for any other. */
export function vectorHelper(name: string): HelperSignature {
  const signature = helperSignatures.get(name)
  if (!signature?.vectorOnly || signature.parameters.join() !== 'i32' || !['i32', 'none'].includes(signature.result))
    throw new Error(`regions cannot call ${name}`)
  return signature
}

/** A call of a vector helper, its result in a local if anybody wants it; goes to `exit` when it raises an exception. */
export function callVectorHelper(
  m: RegionModule, { name }: Node, args: readonly Expression[], result: number | undefined, exit: string,
): Expression[] {
  const signature = vectorHelper(name)
  const type = signature.result === 'none' ? WasmType.None : WasmType.I32
  const call = m.call(name, args, type)
  const out = [result !== undefined ? m.local.set(result, call) : type === WasmType.None ? call : m.drop(call)]
  if (!signature.faults) return out
  const fault = stateAddress('fault')
  const takeBack = m.block(null, [m.i32.store(fault, 4, m.i32.const(0), m.i32.const(0)), m.br(exit)])
  out.push(m.if(m.i32.load(fault, 4, m.i32.const(0)), takeBack))
  return out
}
