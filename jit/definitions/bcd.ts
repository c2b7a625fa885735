/** Decimal adjustment (SDM vol. 2). Flags that the manual leaves undefined follow the result or stay clear. */
import { Lazy } from '../../runtime/flags.ts'
import { Eflags, Gpr, Vector } from '../../runtime/state.ts'
import type { Builder, Definition, Value } from './builder.ts'

/** Places in the Aux image. */
const AF_POSITION = Math.log2(Eflags.AF)
const OF_POSITION = Math.log2(Eflags.OF)

/** AF as 0 or 1. */
function auxiliary(b: Builder): Value {
  return b.and(b.shr(b.arithmeticFlags(), AF_POSITION), 1)
}

/** DAA and DAS: the manual's operation section, without branches. */
function decimalAdjust(subtract: boolean): Definition {
  return b => {
    const al = b.register(Gpr.Eax, 8)
    const carry = b.carry()
    const lowOver = b.or(b.gtU(b.and(al, 0xf), 9), auxiliary(b))
    const highOver = b.or(b.gtU(al, 0x99), carry)
    const adjustment = b.add(b.mul(lowOver, 6), b.mul(highOver, 0x60))
    const result = b.truncate(subtract ? b.sub(al, adjustment) : b.add(al, adjustment), 8)
    // OF, undefined, is that of the whole adjustment.
    const changed = b.xor(al, result)
    const overflow = b.and(changed, b.xor(adjustment, subtract ? al : result))
    const image = b.or(b.shl(lowOver, AF_POSITION), b.shl(b.signBit(overflow, 8), OF_POSITION))
    // DAS also keeps the borrow that its low adjustment makes (SDM: "CF := old_CF OR (Borrow from AL := AL - 6)").
    const out = subtract ? b.or(highOver, b.and(lowOver, b.ltU(al, 6))) : highOver
    b.setRegister(Gpr.Eax, 8, result)
    b.setFlags(Lazy.Aux, 8, result, undefined, image, out)
  }
}

/** DAA    adjusts AL after an addition of packed decimals. Sets SZAPC. */
const daa = decimalAdjust(false)

/** DAS    adjusts AL after a subtraction of packed decimals. Sets SZAPC. */
const das = decimalAdjust(true)

/** AAA and AAS: AX moves by 106h or 6 on P6 and later (SDM: "AX := AX + 106H"). */
function asciiAdjust(subtract: boolean): Definition {
  return b => {
    const ax = b.register(Gpr.Eax, 16)
    const over = b.or(b.gtU(b.and(ax, 0xf), 9), auxiliary(b))
    const adjustment = b.mul(over, 0x106)
    const moved = subtract ? b.sub(ax, adjustment) : b.add(ax, adjustment)
    const result = b.and(moved, 0xff0f)
    b.setRegister(Gpr.Eax, 16, result)
    // The undefined flags are those of the addition to AX.
    const sum = b.truncate(moved, 16)
    const overflow = b.and(b.xor(ax, sum), b.xor(adjustment, subtract ? ax : sum))
    const image = b.or(b.shl(over, AF_POSITION), b.shl(b.signBit(overflow, 16), OF_POSITION))
    b.setFlags(Lazy.Aux, 16, sum, undefined, image, over)
  }
}

/** AAA    adjusts AX after an addition of unpacked decimals. Sets AC. */
const aaa = asciiAdjust(false)

/** AAS    adjusts AX after a subtraction of unpacked decimals. Sets AC. */
const aas = asciiAdjust(true)

/** AAM imm8    AH := AL / imm8, AL := AL mod imm8. #DE when imm8 is 0. Sets SZP. */
const aam: Definition = b => {
  const base = b.and(b.read(0), 0xff)
  b.faultIf(b.eqz(base), Vector.DE)
  const al = b.register(Gpr.Eax, 8)
  const low = b.remU(al, base)
  b.setRegister(Gpr.Eax, 16, b.or(b.shl(b.divU(al, base), 8), low))
  b.setFlags(Lazy.Logic, 8, low)
}

/** AAD imm8    AL := AL + AH * imm8, AH := 0. Sets SZP; OF, AF, CF (undefined) are those of the addition. */
const aad: Definition = b => {
  const base = b.and(b.read(0), 0xff)
  const al = b.register(Gpr.Eax, 8)
  const result = b.truncate(b.add(al, b.mul(b.highByteOfAx(), base)), 8)
  b.setRegister(Gpr.Eax, 16, result)
  b.setFlags(Lazy.Add, 8, result, al)
}

/** SALC    AL := CF ? FFh : 0. No flags. Undocumented until the manual's opcode map listed D6. */
const salc: Definition = b => {
  b.setRegister(Gpr.Eax, 8, b.select(b.carry(), 0xff, 0))
}

export const bcd: Readonly<Record<string, Definition>> = { daa, das, aaa, aas, aam, aad, salc }
