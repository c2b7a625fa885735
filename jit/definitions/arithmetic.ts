/** Integer addition, subtraction and comparison (SDM vol. 2). */
import { Lazy } from '../../runtime/flags.ts'
import { Gpr } from '../../runtime/state.ts'
import type { Definition } from './builder.ts'

/** ADD r/m, r    dst := dst + src. Sets OSZAPC. */
const add: Definition = b => {
  const size = b.sizeOf(0)
  const right = b.read(1)
  b.modify(0, left => {
    const result = b.truncate(b.add(left, right), size)
    b.setFlags(Lazy.Add, size, result, left)
    return result
  })
}

/** ADC r/m, r    dst := dst + src + CF. Sets OSZAPC. */
const adc: Definition = b => {
  const size = b.sizeOf(0)
  const right = b.read(1)
  b.modify(0, left => {
    const carry = b.carry()
    const wide = size === 64 ? b.widenU(carry) : carry
    const result = b.truncate(b.add(b.add(left, right), wide), size)
    b.setFlags(Lazy.Adc, size, result, left, right, carry)
    return result
  })
}

/** SUB r/m, r    dst := dst - src. Sets OSZAPC. */
const sub: Definition = b => {
  const size = b.sizeOf(0)
  const right = b.read(1)
  b.modify(0, left => {
    const result = b.truncate(b.sub(left, right), size)
    b.setFlags(Lazy.Sub, size, result, left, right)
    return result
  })
}

/** SBB r/m, r    dst := dst - src - CF. Sets OSZAPC. */
const sbb: Definition = b => {
  const size = b.sizeOf(0)
  const right = b.read(1)
  b.modify(0, left => {
    const carry = b.carry()
    const wide = size === 64 ? b.widenU(carry) : carry
    const result = b.truncate(b.sub(b.sub(left, right), wide), size)
    b.setFlags(Lazy.Sbb, size, result, left, right, carry)
    return result
  })
}

/** CMP r/m, r    dst - src, for its flags. Sets OSZAPC. */
const cmp: Definition = b => {
  const size = b.sizeOf(0)
  const left = b.read(0)
  const right = b.read(1)
  b.setFlags(Lazy.Sub, size, b.truncate(b.sub(left, right), size), left, right)
}

/** INC r/m    dst := dst + 1. Sets OSZAP. */
const inc: Definition = b => {
  const size = b.sizeOf(0)
  b.modify(0, left => {
    const result = b.truncate(b.add(left, 1), size)
    b.setFlags(Lazy.Inc, size, result)
    return result
  })
}

/** DEC r/m    dst := dst - 1. Sets OSZAP. */
const dec: Definition = b => {
  const size = b.sizeOf(0)
  b.modify(0, left => {
    const result = b.truncate(b.sub(left, 1), size)
    b.setFlags(Lazy.Dec, size, result)
    return result
  })
}

/** NEG r/m    dst := 0 - dst. Sets OSZAPC. */
const neg: Definition = b => {
  const size = b.sizeOf(0)
  b.modify(0, right => {
    const zero = b.constant(0, size === 64 ? 'i64' : 'i32')
    const result = b.truncate(b.sub(zero, right), size)
    b.setFlags(Lazy.Sub, size, result, zero, right)
    return result
  })
}

/** XADD r/m, r    src := dst, dst := dst + src. Sets OSZAPC. The destination wins when both are one register. */
const xadd: Definition = b => {
  const size = b.sizeOf(0)
  const right = b.read(1)
  const left = b.readForModify(0)
  const result = b.truncate(b.add(left, right), size)
  b.write(1, left)
  b.writeModified(0, result)
  b.setFlags(Lazy.Add, size, result, left)
}

/** CMPXCHG r/m, r    compare the accumulator with dst; equal: dst := src, else accumulator := dst. Sets OSZAPC. */
const cmpxchg: Definition = b => {
  const size = b.sizeOf(0)
  const source = b.read(1)
  const accumulator = b.register(Gpr.Eax, size)
  const destination = b.readForModify(0)
  const equal = b.eq(accumulator, destination)
  // The destination is written either way (SDM: "to simplify the interface to the processor's bus").
  b.writeModified(0, b.select(equal, source, destination))
  b.setFlags(Lazy.Sub, size, b.truncate(b.sub(accumulator, destination), size), accumulator, destination)
  b.if(b.eqz(equal), () => b.setRegister(Gpr.Eax, size, destination))
}

/** CMPXCHG8B m64    compare EDX:EAX with dst; equal: dst := ECX:EBX, else EDX:EAX := dst. Sets ZF alone. */
const cmpxchg8b: Definition = b => {
  const pair = (high: Gpr, low: Gpr) =>
    b.or(b.shl(b.widenU(b.register(high, 32)), 32), b.widenU(b.register(low, 32)))
  const expected = pair(Gpr.Edx, Gpr.Eax)
  const replacement = pair(Gpr.Ecx, Gpr.Ebx)
  const destination = b.readForModify(0)
  const equal = b.eq(expected, destination)
  const flags = b.arithmeticFlags()
  b.writeModified(0, b.select(equal, replacement, destination))
  b.setRegister(Gpr.Eax, 32, b.select(equal, b.register(Gpr.Eax, 32), b.wrap(destination)))
  b.setRegister(Gpr.Edx, 32, b.select(equal, b.register(Gpr.Edx, 32), b.wrap(b.shr(destination, 32))))
  b.setArithmeticFlags(b.or(b.and(flags, ~ZF), b.shl(equal, ZF_POSITION)))
}

const ZF_POSITION = 6
const ZF = 1 << ZF_POSITION

export const arithmetic: Readonly<Record<string, Definition>> = {
  add, adc, sub, sbb, cmp, inc, dec, neg, xadd, cmpxchg, cmpxchg8b,
}
