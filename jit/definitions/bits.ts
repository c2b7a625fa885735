/** Bit tests, scans and counts (SDM vol. 2). */
import { Lazy } from '../../runtime/flags.ts'
import { Eflags } from '../../runtime/state.ts'
import type { Builder, Definition, Value } from './builder.ts'

/** The bit at `position` (below the operand's size) as 0 or 1. */
function bitOf(b: Builder, word: Value, position: Value): Value {
  return b.and(b.shr(word, position), 1)
}

/**
 * BT and its kin. With a register bit offset, a memory operand is a bit string: the offset, signed, selects the word
 * as well (SDM vol. 2, "BT"). Only CF is defined; the other flags stay.
 */
function bitTest(change?: (b: Builder, word: Value, mask: Value) => Value): Definition {
  return (b, { operands }) => {
    const size = b.sizeOf(0)
    const offset = b.read(1)
    const position = b.and(offset, size - 1)
    const mask = b.shl(1, position)
    if (operands[0].kind === 'memory' && operands[1].kind === 'register') {
      const words = b.sar(b.signExtend(offset, size), size === 16 ? 4 : 5)
      const delta = b.mul(words, size / 8)
      if (!change) {
        b.setCarry(bitOf(b, b.load('operand', b.addressOf(0, delta), size), position))
        return
      }
      const word = b.readForModify(0, delta)
      b.writeModified(0, b.truncate(change(b, word, mask), size))
      b.setCarry(bitOf(b, word, position))
      return
    }
    if (!change) {
      b.setCarry(bitOf(b, b.read(0), position))
      return
    }
    b.modify(0, word => {
      b.setCarry(bitOf(b, word, position))
      return b.truncate(change(b, word, mask), size)
    })
  }
}

/** BT r/m, r    CF := bit. */
const bt = bitTest()

/** BTS r/m, r    CF := bit, bit := 1. */
const bts = bitTest((b, word, mask) => b.or(word, mask))

/** BTR r/m, r    CF := bit, bit := 0. */
const btr = bitTest((b, word, mask) => b.and(word, b.not(mask)))

/** BTC r/m, r    CF := bit, bit := not bit. */
const btc = bitTest((b, word, mask) => b.xor(word, mask))

/** A bit above any bit index. */
const ABOVE_INDEX = 0x100

/** BSF and BSR leave the destination alone when the source is zero, as hardware does. ZF alone is defined. */
function scan(find: (b: Builder, source: Value) => Value): Definition {
  return b => {
    const size = b.sizeOf(0)
    const source = b.read(1)
    const index = find(b, source)
    // PF, undefined as all but ZF, is the parity of the index on AMD parts; the bit above it keeps ZF clear.
    b.setFlags(Lazy.Logic, size, b.select(source, b.or(index, ABOVE_INDEX), 0))
    b.if(source, () => b.write(0, index))
  }
}

/** BSF r, r/m    dst := index of the lowest set bit. */
const bsf = scan((b, source) => b.ctz(source))

/** BSR r, r/m    dst := index of the highest set bit. */
const bsr = scan((b, source) => b.sub(31, b.clz(source)))

/** POPCNT r, r/m    dst := number of set bits. ZF := src is 0; the other five are cleared. */
const popcnt: Definition = b => {
  const source = b.read(1)
  b.write(0, b.popcnt(source))
  b.setArithmeticFlags(b.select(source, 0, Eflags.ZF))
}

/** BSWAP r    reverses the bytes. With a 16-bit operand (undefined) the result is 0, as P6 parts give. */
const bswap: Definition = b => {
  if (b.sizeOf(0) === 16) {
    b.write(0, b.constant(0))
    return
  }
  const value = b.read(0)
  const outer = b.and(b.rotl(value, 8), 0x00ff00ff)
  const inner = b.and(b.rotr(value, 8), 0xff00ff00 | 0)
  b.write(0, b.or(outer, inner))
}

export const bits: Readonly<Record<string, Definition>> = { bt, bts, btr, btc, bsf, bsr, popcnt, bswap }
