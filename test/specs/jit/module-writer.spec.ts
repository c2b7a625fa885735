/**
 * Modules by our writer against the same modules by binaryen: every operator on the values where they differ, control
 * flow with labels, and the encodings at their edges. What both give is compared by running it.
 */
import binaryen from 'binaryen'
import { describe, expect, it } from 'vitest'
import { ByteSink } from '../../../jit/wasm/byte-sink.ts'
import { ModuleWriter, WasmType } from '../../../jit/wasm/module-writer.ts'
import {
  binaryI32, binaryI64, comparisonI64, extendI32, loadI32, loadI64, storeI32, storeI64, testI64, unaryI32, unaryI64,
} from '../../../jit/wasm/opcodes.ts'

/** The calls that both understand. */
type Target = Pick<
  ModuleWriter,
  'i32' | 'i64' | 'local' | 'block' | 'loop' | 'if' | 'br' | 'select' | 'call' | 'drop' | 'addFunction' | 'addFunctionExport' |
    'addFunctionImport' | 'addMemoryImport'
>

const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 })
const imports = { env: { memory, twice: (value: number) => value * 2 } }

type Exports = Record<string, () => number>

/** Exports of the same module from both, binaryen's first. */
function both(build: (m: Target) => void): [Exports, Exports] {
  const reference = new binaryen.Module()
  reference.setFeatures(binaryen.Features.SignExt)
  build(reference)
  const writer = new ModuleWriter()
  build(writer)
  const binaries = [reference.emitBinary(), writer.emitBinary()]
  reference.dispose()
  const [a, b] = binaries.map(binary => {
    const module = new WebAssembly.Module(binary as BufferSource)
    return new WebAssembly.Instance(module, imports).exports as unknown as Exports
  })
  return [a, b]
}

/** Adds an exported function without parameters that gives an i32. */
function add(m: Target, name: string, body: number, locals: readonly WasmType[] = []): void {
  m.addFunction(name, WasmType.None, WasmType.I32, locals, body)
  m.addFunctionExport(name, name)
}

const values32 = [0, 1, -1, 7, 63, 64, 0x7f, -0x80, 0x80, 0x7fff_ffff, -0x8000_0000, 0x1234_5678]
const values64 = values32.map(BigInt).concat([0x1234_5678_9abc_def0n, -0x8000_0000_0000_0000n, -64n, -65n])

/** Traps count as a result. */
function resultOf(run: () => number): number | string {
  try {
    return run()
  } catch (error) {
    return error instanceof WebAssembly.RuntimeError ? 'trap' : String(error)
  }
}

/** Both modules give the same from each export. */
function agree(build: (m: Target) => void): number {
  const [a, b] = both(build)
  const names = Object.keys(a)
  expect(Object.keys(b)).toEqual(names)
  for (const name of names) expect([name, resultOf(b[name])]).toEqual([name, resultOf(a[name])])
  return names.length
}

/** Both halves of an i64, folded into an i32. */
function fold(m: Target, value: () => number): number {
  const high = m.i32.wrap(m.i64.shr_u(value(), m.i64.const(32n)))
  return m.i32.xor(m.i32.wrap(value()), m.i32.rotl(high, m.i32.const(7)))
}

const keys = <Name extends string>(table: Readonly<Record<Name, number>>) => Object.keys(table) as Name[]

describe('operators', () => {
  it('on i32 agree with binaryen', () => {
    const count = agree(m => {
      for (const a of values32) {
        for (const op of keys(unaryI32)) add(m, `${op} ${a}`, m.i32[op](m.i32.const(a)))
        for (const op of keys(extendI32)) add(m, `${op} ${a}`, fold(m, () => m.i64[op](m.i32.const(a))))
        for (const b of values32)
          for (const op of keys(binaryI32)) add(m, `${op} ${a} ${b}`, m.i32[op](m.i32.const(a), m.i32.const(b)))
      }
    })
    expect(count).toBeGreaterThan(3000)
  })

  it('on i64 agree with binaryen', () => {
    agree(m => {
      for (const a of values64) {
        for (const op of keys(unaryI64)) add(m, `${op} ${a}`, fold(m, () => m.i64[op](m.i64.const(a))))
        for (const op of keys(testI64)) add(m, `${op} ${a}`, m.i64[op](m.i64.const(a)))
        for (const b of values64) {
          for (const op of keys(binaryI64)) add(m, `${op} ${a} ${b}`, fold(m, () => m.i64[op](m.i64.const(a), m.i64.const(b))))
          for (const op of keys(comparisonI64)) add(m, `${op} ${a} ${b}`, m.i64[op](m.i64.const(a), m.i64.const(b)))
        }
      }
    })
  })

  it('on memory agree with binaryen, whatever the alignment', () => {
    agree(m => {
      m.addMemoryImport('0', 'env', 'memory')
      const address = () => m.i32.const(0x103)
      const word = () => m.i32.load(0x40, 1, address())
      for (const align of [0, 1]) {
        for (const op of keys(storeI32)) {
          const store = m.i32[op](0x40, align, address(), m.i32.const(0x89ab_cdef | 0))
          add(m, `${op} ${align}`, m.block(null, [store, word()], WasmType.I32))
        }
        for (const op of keys(loadI32)) add(m, `${op} ${align}`, m.i32[op](0x40, align, address()))
        for (const op of keys(storeI64)) {
          const store = m.i64[op](0x40, align, address(), m.i64.const(-2n))
          add(m, `i64 ${op} ${align}`, m.block(null, [store, word()], WasmType.I32))
        }
        for (const op of keys(loadI64)) add(m, `i64 ${op} ${align}`, fold(m, () => m.i64[op](0x40, align, address())))
      }
    })
  })
})

describe('control', () => {
  it('goes where labels are, hidden ones and loops too', () => {
    const count = agree(m => {
      m.addFunctionImport('twice', 'env', 'twice', WasmType.I32, WasmType.I32)
      const x = () => m.local.get(0, WasmType.I32)
      const y = () => m.local.get(1, WasmType.I32)
      const set = (value: number) => m.local.set(0, value)
      const i32s = [WasmType.I32, WasmType.I32]
      const sum = m.loop(
        'again',
        m.block(null, [
          m.local.set(1, m.i32.add(y(), m.i32.const(1))),
          set(m.i32.add(x(), y())),
          m.br('again', m.i32.lt_s(y(), m.i32.const(10))),
        ]),
      )
      add(m, 'loop', m.block(null, [sum, x()], WasmType.I32), i32s)
      const hidden = m.block('out', [
        m.block('out', [m.br('out'), set(m.i32.const(1))]), set(m.i32.or(x(), m.i32.const(2))), m.br('out'), set(m.i32.const(4)),
      ])
      add(m, 'hidden', m.block(null, [hidden, x()], WasmType.I32), i32s)
      const inIf = m.block('out', [
        m.if(m.i32.const(1), m.block(null, [set(m.i32.const(5)), m.br('out')]), set(m.i32.const(6))), set(m.i32.const(7)),
      ])
      add(m, 'if', m.block(null, [inIf, x()], WasmType.I32), i32s)
      for (const condition of [0, 1]) {
        add(m, `value if ${condition}`, m.if(m.i32.const(condition), m.i32.const(11), m.i32.const(12)))
        add(m, `select ${condition}`, m.select(m.i32.const(condition), m.i32.const(13), m.i32.const(14)))
        const once = m.if(m.i32.const(condition), set(m.i32.const(15)))
        add(m, `one-armed ${condition}`, m.block(null, [once, x()], WasmType.I32), i32s)
      }
      add(m, 'tee', m.i32.add(m.local.tee(0, m.i32.const(21), WasmType.I32), x()), i32s)
      add(m, 'call', m.call('twice', [m.i32.const(21)], WasmType.I32))
      add(m, 'drop', m.block(null, [m.drop(m.call('twice', [m.i32.const(1)], WasmType.I32)), m.i32.const(3)], WasmType.I32))
      add(m, 'locals', m.i32.wrap(m.local.get(1, WasmType.I64)), [WasmType.I32, WasmType.I64, WasmType.I64, WasmType.I32])
    })
    expect(count).toBe(13)
  })

  it('refuses a branch to a label that is not around it, and a call of nobody', () => {
    const lost = new ModuleWriter()
    add(lost, 'f', lost.block(null, [lost.block('here', []), lost.br('here'), lost.i32.const(0)], WasmType.I32))
    expect(() => lost.emitBinary()).toThrow('here')
    const nobody = new ModuleWriter()
    add(nobody, 'f', nobody.call('g', [], WasmType.I32))
    expect(() => nobody.emitBinary()).toThrow('g')
  })

  it('stays linear in the depth of named blocks', () => {
    const m = new ModuleWriter()
    let nested = m.block(null, [m.br('b0')])
    for (let i = 0; i < 1000; i++) nested = m.block(`b${i}`, [nested])
    add(m, 'deep', m.block(null, [nested, m.i32.const(9)], WasmType.I32))
    const instance = new WebAssembly.Instance(new WebAssembly.Module(m.emitBinary() as BufferSource))
    expect((instance.exports as Exports).deep()).toBe(9)
  })
})

describe('encodings', () => {
  const written = (write: (sink: ByteSink) => void) => {
    const sink = new ByteSink()
    write(sink)
    return [...sink.written]
  }

  it('of integers end where the sign says so', () => {
    expect(written(sink => sink.unsigned(127))).toEqual([0x7f])
    expect(written(sink => sink.unsigned(624485))).toEqual([0xe5, 0x8e, 0x26])
    expect(written(sink => sink.unsigned(0xffff_ffff))).toEqual([0xff, 0xff, 0xff, 0xff, 0x0f])
    expect(written(sink => sink.signed(63))).toEqual([0x3f])
    expect(written(sink => sink.signed(64))).toEqual([0xc0, 0x00])
    expect(written(sink => sink.signed(-123456))).toEqual([0xc0, 0xbb, 0x78])
    expect(written(sink => sink.signed(-0x8000_0000))).toEqual([0x80, 0x80, 0x80, 0x80, 0x78])
    expect(written(sink => sink.signed64(-1n))).toEqual([0x7f])
    expect(written(sink => sink.signed64(0x7fff_ffff_ffff_ffffn))).toHaveLength(10)
  })

  it('grow with what is appended', () => {
    const sink = new ByteSink()
    const piece = Uint8Array.from({ length: 5000 }, (_, i) => i)
    for (let i = 0; i < 10; i++) sink.append(piece)
    expect(sink.written).toHaveLength(50_000)
    expect([...sink.written.subarray(45_000, 45_004)]).toEqual([0, 1, 2, 3])
  })
})
