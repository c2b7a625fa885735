/** Variants of one code in the fuzz, its memory of what was compiled, and the faults that it must notice. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { compile, type CompileRequest } from '../../../jit/compile.ts'
import { RECORD_BYTES } from '../../../runtime/memory-map.ts'
import { ModeBit } from '../../../runtime/state.ts'
import { Comparer } from '../../../tools/fuzz/compare.ts'
import { CompileCache } from '../../../tools/fuzz/compile-cache.ts'
import { LastingRecords } from '../../../tools/fuzz/lasting-records.ts'
import { mutants } from '../../../tools/fuzz/mutants.ts'
import { mutated } from '../../../tools/fuzz/mutation-check.ts'
import { trialOf, variantOf } from '../../../tools/fuzz/variants.ts'
import { assemble, CODE } from '../cpu/bench.ts'

const SECONDS = 1000

describe('variants', () => {
  it('have one code, other data and other stops', () => {
    const code = trialOf(5)
    const [first, second, again] = [variantOf(code, 1), variantOf(code, 2), variantOf(trialOf(5), 1)]
    expect(variantOf(code, 0)).toEqual(code)
    expect(first.program.items).toBe(code.program.items)
    expect(first).toEqual(again)
    for (const [one, other] of [[code, first], [first, second]]) {
      expect(one.program.data).not.toEqual(other.program.data)
      expect(one.program.registers).not.toEqual(other.program.registers)
      expect(one.plan.pieces).not.toEqual(other.plan.pieces)
    }
  })

  it(
    'end as they do without what is remembered of others',
    async () => {
      const together = new Comparer()
      const alone = new Comparer()
      for (let seed = 40; seed < 50; seed++) {
        const code = trialOf(seed)
        for (let variant = 0; variant < 3; variant++) {
          const { program, plan } = variantOf(code, variant)
          const remembered = await together.compare(program, plan, true)
          expect(remembered, `seed ${seed} variant ${variant}`).toEqual(await alone.compare(program, plan))
          expect(remembered.differences).toEqual([])
        }
      }
      expect(together.compiles).toBeLessThan(alone.compiles * 0.8)
    },
    120 * SECONDS,
  )
})

describe('the memory of what was compiled', () => {
  const bytes = new Uint8Array(4096)
  bytes.set(assemble('43 ; inc ebx\n41 ; inc ecx\n75 fc ; jne 0x10000\nc3 ; ret', CODE))
  const request: CompileRequest = {
    entry: CODE,
    mode: ModeBit.Flat | ModeBit.Code32 | ModeBit.Stack32 | ModeBit.Protected,
    pages: [{ linear: CODE, physical: CODE, bytes }],
  }
  const counting = () => {
    const cache = new CompileCache(() => {})
    let compiles = 0
    const ask = (asked: CompileRequest) =>
      cache.compiled(asked, each => {
        compiles++
        return compile(each)
      })
    return { cache, ask, compiles: () => compiles }
  }

  it('knows an equal request, and no other', () => {
    const { ask, compiles, cache } = counting()
    const first = ask(request)
    expect(ask({ ...request, pages: [{ linear: CODE, physical: CODE, bytes: bytes.slice() }] })).toBe(first)
    expect(compiles()).toBe(1)
    const changed = bytes.slice()
    changed[0] = 0x46
    expect(ask({ ...request, pages: [{ linear: CODE, physical: CODE, bytes: changed }] })).not.toBe(first)
    ask({ ...request, fpuControl: 0x27f })
    ask({ ...request, mode: request.mode | ModeBit.User })
    ask({ ...request, profile: { targets: [], misses: [CODE], rarities: [], passRarities: [] } })
    expect(compiles()).toBe(5)
    cache.clear()
    ask(request)
    expect(compiles()).toBe(6)
  })

  it('notices a compiler that gives something else for the same request', () => {
    const cache = new CompileCache(() => {})
    let calls = 0
    const fickle = (asked: CompileRequest) => {
      const code = compile(asked)
      return code && { ...code, binary: Uint8Array.of(...code.binary, ...(calls++ > 0 ? [0, 1, 0] : [])) }
    }
    expect(() => {
      for (let i = 0; i < 1000; i++) cache.compiled(request, fickle)
    }).toThrow('compiled to something else')
  })

  it('keeps records of handled instructions apart while they last', () => {
    const records = new LastingRecords()
    const temporary = records.reserve(3) as number
    records.begin(true)
    const lasting = records.reserve(2) as number
    records.release(lasting, 2)
    expect(records.reserve(2)).toBe(lasting + 2 * RECORD_BYTES)
    expect(records.countAt(lasting)).toBe(2)
    records.begin(false)
    records.release(temporary, 3)
    expect(records.reserve(3)).toBe(temporary)
  })
})

describe('mutants', () => {
  const source = (file: string) => readFileSync(fileURLToPath(new URL(`../../../${file}`, import.meta.url)), 'utf8')

  it('fit the compiler: few lines have changed since they were written', () => {
    const stale = mutants.filter(({ file, before }) => source(file).split(before).length !== 2).map(({ name }) => name)
    expect(stale.length, stale.join(', ')).toBeLessThan(mutants.length / 8)
  })

  it('change one line, and say when it is gone', () => {
    const mutant = { name: 'wrong', file: 'a.ts', before: 'b + 1', after: 'b - 1' }
    expect(mutated('a = b + 1', mutant)).toBe('a = b - 1')
    expect(() => mutated('a = b', mutant)).toThrow('mutant wrong fits 0 places')
  })
})
