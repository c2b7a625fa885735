/**
 * Vector instructions in regions. XMM registers are locals, as general registers are; helpers that touch nothing but
 * vector state are called with those that they work on stored.
 *
 *   operation   inline, and for what is rare about it (exceptions, denormals, odd roundings) a helper
 *   exception   the helper raises it; the region takes that back and leaves in front of the instruction
 */
import { Cr0, stateAddress, type StateName } from '../../runtime/state.ts'
import type { RegisterOperand } from '../decode/instruction.ts'
import { type HelperSignature, helperSignatures } from '../helper-signatures.ts'
import type { Node } from '../ir.ts'
import { WasmType } from '../wasm/module-writer.ts'
import type { Expression, LocalPool, RegionModule } from './value.ts'
import { operate, peek, poke } from './vector.ts'

/** ES of the x87 status word: an unmasked exception is pending. */
const X87_SUMMARY = 0x80

/** Address of the slot of an MM or XMM register; undefined for other registers. */
export function vectorSlot({ class: file, index }: RegisterOperand): number | undefined {
  if (file === 'xmm') return stateAddress('xmm', index)
  if (file === 'mm') return stateAddress('fpr', index)
  return undefined
}

/** Registers of a region: general ones by their numbers, XMM0 to XMM7 from here on. */
export const FIRST_XMM = 8
const XMM_REGISTERS = 8
const XMM_BYTES = 16

/** Helpers that write XMM0, whatever the operands. */
const WRITING_XMM0 = new Set(['compareStrings'])

/** What a statement does with XMM0 though no operand names it. */
export function impliedXmm({ op, args, name }: Node): { write: boolean } | undefined {
  if (op === 'peek' && args[0].op === 'const' && args[0].number === stateAddress('xmm')) return { write: false }
  return op === 'call' && WRITING_XMM0.has(name) ? { write: true } : undefined
}

/** Shapes by element size in bits, with what their lane operators are called. */
const lanes: Readonly<Record<number, readonly [shape: string, extract: string]>> = {
  8: ['i8x16', 'extract_lane_u'], 16: ['i16x8', 'extract_lane_u'], 32: ['i32x4', 'extract_lane'], 64: ['i64x2', 'extract_lane'],
}

/** The lane operators of a part of `size` bits that is a value of `type`. */
function lanesOf(type: string, size: number): readonly [shape: string, extract: string] {
  if (type === 'f32') return ['f32x4', 'extract_lane']
  return type === 'f64' ? ['f64x2', 'extract_lane'] : lanes[size]
}

/**
 * XMM registers in locals, all of a region's life. before: each operation loads and stores slots of the state => after:
 * loaded on entry, stored on the way out and around calls. MM registers stay in the state.
 */
export class RegionVectors {
  private readonly m: RegionModule
  private readonly pool: LocalPool
  private readonly locals = new Map<number, number>()

  constructor(m: RegionModule, pool: LocalPool) {
    this.m = m
    this.pool = pool
  }

  private localOf(register: number): number {
    let local = this.locals.get(register)
    if (local === undefined) {
      local = this.pool.reserve('v128')
      this.locals.set(register, local)
    }
    return local
  }

  private get(register: number): Expression {
    return this.m.local.get(this.localOf(register), WasmType.V128)
  }

  private set(register: number, value: Expression): Expression {
    return this.m.local.set(this.localOf(register), value)
  }

  load(register: number): Expression {
    return this.set(register, this.m.v128.load(stateAddress('xmm', register), XMM_BYTES, this.m.i32.const(0)))
  }

  store(register: number): Expression {
    return this.m.v128.store(stateAddress('xmm', register), XMM_BYTES, this.m.i32.const(0), this.get(register))
  }

  /** The XMM register and the byte in it that an address of the state means. */
  private placeOf(address: number | undefined, offset: number): { register: number; byte: number } | undefined {
    if (address === undefined) return undefined
    const from = address + offset - stateAddress('xmm')
    if (from < 0 || from >= XMM_REGISTERS * XMM_BYTES) return undefined
    return { register: Math.floor(from / XMM_BYTES), byte: from % XMM_BYTES }
  }

  /** A 'peek' at `known`, or at an address that is known when running. */
  peek({ type, size, number }: Node, known: number | undefined, address: () => Expression): Expression {
    const place = this.placeOf(known, number)
    if (!place) return peek(this.m, type, size, number, address())
    const whole = this.get(place.register)
    if (type === 'v128') {
      if (size === 128) return whole
      const kept = Array.from({ length: XMM_BYTES }, (_, i) => (i < size / 8 ? 0xff : 0))
      return operate(this.m, 'v128.and', [whole, this.m.v128.const(kept)], 0)
    }
    const [shape, extract] = lanesOf(type, size)
    return operate(this.m, `${shape}.${extract}`, [whole], (place.byte * 8) / size)
  }

  /** A 'poke', as `peek`. */
  poke({ args, size, number }: Node, known: number | undefined, address: () => Expression, value: Expression): Expression {
    const { type } = args[1]
    const place = this.placeOf(known, number)
    if (!place) return poke(this.m, type, size, number, address(), value)
    const { register, byte } = place
    if (type === 'v128') {
      if (size === 128) return this.set(register, value)
      const mixed = Array.from({ length: XMM_BYTES }, (_, i) => (i < size / 8 ? i : XMM_BYTES + i))
      return this.set(register, this.m.i8x16.shuffle(value, this.get(register), mixed))
    }
    const [shape] = lanesOf(type, size)
    const replaced = operate(this.m, `${shape}.replace_lane`, [this.get(register), value], (byte * 8) / size)
    return this.set(register, replaced)
  }
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
