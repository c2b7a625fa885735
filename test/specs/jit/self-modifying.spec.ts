/**
 * Code that changes while regions of it exist: written by the region itself, by others, through another linear page,
 * by devices, and while its compile is under way. What is executed is always what stands in memory.
 */
import { beforeEach, describe, expect, it } from 'vitest'
import { type CompiledCode, compile } from '../../../jit/compile.ts'
import { Gpr } from '../../../runtime/state.ts'
import { Ram } from '../../../src/guest-memory.ts'
import { CompiledBench } from '../../engines/compiled-cpu.ts'
import { assemble, CODE, ELSEWHERE, nextPage } from '../cpu/bench.ts'

const { Eax, Ebp, Ebx, Ecx, Edx, Esi } = Gpr
const HEAT = 2
const SECOND_PAGE = nextPage(CODE)

/** Adds 1 to EBX, ECX times, then makes it 2, or 1 again, and starts over, ESI times. The immediate is at 0x10002. */
const alternating = (patched: string) => `
  83 c3 01             ; add ebx, 0x1
  49                   ; dec ecx
  75 fa                ; jne 0x10000
  ${patched}
  b9 64 00 00 00       ; mov ecx, 0x64
  4e                   ; dec esi
  75 eb                ; jne 0x10000
  f4                   ; hlt`

describe('self-modifying code in regions', () => {
  let cpu: CompiledBench

  beforeEach(() => {
    cpu = new CompiledBench(HEAT)
  })

  function run(text: string, registers: Readonly<Partial<Record<Gpr, number>>> = {}): void {
    cpu.load(text)
    for (const [register, value] of Object.entries(registers)) cpu.set(Number(register), value)
    cpu.runToHalt()
    expect(cpu.regions.stats.installed).toBeGreaterThan(0)
  }

  it('drops a region when the code around it writes it', () => {
    run(alternating('80 35 02 00 01 00 03 ; xor byte [0x10002], 0x3'), { [Ecx]: 100, [Esi]: 4 })
    expect(cpu.get(Ebx)).toBe(100 + 200 + 100 + 200)
    expect(cpu.cache.invalidations).toBeGreaterThan(0)
  })

  it('notices a write through another linear page of the same physical page', () => {
    cpu.remap(ELSEWHERE, CODE)
    run(alternating('80 35 02 00 40 00 03 ; xor byte [0x400002], 0x3'), { [Ecx]: 100, [Esi]: 4 })
    expect(cpu.get(Ebx)).toBe(100 + 200 + 100 + 200)
  })

  it('executes what a region has written further on in its own block', () => {
    run(
      `
      bf 00 00 02 00 ; mov edi, 0x20000
      f6 c1 07       ; test cl, 0x7
      0f 44 fd       ; cmove edi, ebp
      fe 07          ; inc byte [edi]
      83 c3 01       ; add ebx, 0x1
      49             ; dec ecx
      75 ed          ; jne 0x10000
      f4             ; hlt`,
      { [Ecx]: 200, [Ebp]: CODE + 15 },
    )
    expect(cpu.get(Ebx)).toBe(eighthWise(200, 'before'))
  })

  it('executes what a region has written in front, next time round', () => {
    run(
      `
      83 c3 01       ; add ebx, 0x1
      bf 00 00 02 00 ; mov edi, 0x20000
      f6 c1 07       ; test cl, 0x7
      0f 44 fd       ; cmove edi, ebp
      fe 07          ; inc byte [edi]
      49             ; dec ecx
      75 ed          ; jne 0x10000
      f4             ; hlt`,
      { [Ecx]: 200, [Ebp]: CODE + 2 },
    )
    expect(cpu.get(Ebx)).toBe(eighthWise(200, 'after'))
  })

  it('stays right, though not compiled, when it changes every time round', () => {
    cpu.load(`
      81 c3 01 00 00 00 ; add ebx, 0x1
      ff 05 02 00 01 00 ; inc dword [0x10002]
      49                ; dec ecx
      75 f1             ; jne 0x10000
      f4                ; hlt`)
    cpu.set(Ecx, 200)
    cpu.runToHalt()
    expect(cpu.get(Ebx)).toBe(sum(1, 200))
  })

  it('notices a write to either part of an instruction across two pages', () => {
    const start = SECOND_PAGE - 4
    const body = `
      81 c3 01 00 00 00       ; add ebx, 0x1
      49                      ; dec ecx
      75 f7                   ; jne 0x10ffc
      fe 05 00 10 01 00       ; inc byte [0x11000]
      fe 05 fe 0f 01 00       ; inc byte [0x10ffe]
      b9 0a 00 00 00          ; mov ecx, 0xa
      4e                      ; dec esi
      75 e3                   ; jne 0x10ffc
      f4                      ; hlt`
    cpu.load(body, start)
    cpu.set(Ecx, 10)
    cpu.set(Esi, 3)
    cpu.runToHalt()
    expect(cpu.regions.stats.installed).toBeGreaterThan(0)
    expect(cpu.get(Ebx)).toBe(10 * (1 + 0x10002 + 0x20003))
  })

  it('notices a write to a callee in another page', () => {
    cpu.load('b0 01 ; mov al, 0x1\n0f b6 c0 ; movzx eax, al\n01 c3 ; add ebx, eax\nc3 ; ret', SECOND_PAGE)
    run(
      `
      e8 fb 0f 00 00    ; call 0x11000
      f6 c1 07          ; test cl, 0x7
      75 06             ; jne 0x10010
      fe 05 01 10 01 00 ; inc byte [0x11001]
      49                ; dec ecx
      75 ed             ; jne 0x10000
      f4                ; hlt`,
      { [Ecx]: 64 },
    )
    expect(cpu.get(Ebx)).toBe(eighthWise(64, 'after'))
  })

  it('keeps a region whose granule holds a stack and data as well', () => {
    cpu.set(Gpr.Esp, CODE + 0x70)
    run(
      `
      51                ; push ecx
      ff 05 20 00 01 00 ; inc dword [0x10020]
      58                ; pop eax
      01 c3             ; add ebx, eax
      49                ; dec ecx
      75 f3             ; jne 0x10000
      f4                ; hlt`,
      { [Ecx]: 500 },
    )
    expect(cpu.get(Ebx)).toBe(sum(1, 500))
    expect(cpu.read32(CODE + 0x20)).toBe(500)
    expect(cpu.cache.invalidations).toBe(0)
  })

  it('drops a region that a device writes to', () => {
    const ram = new Ram(cpu.core, cpu.cache)
    const text = '83 c3 01 ; add ebx, 0x1\n49 ; dec ecx\n75 fa ; jne 0x10000\nf4 ; hlt'
    run(text, { [Ecx]: 50 })
    ram.writeBytes(CODE + 2, Uint8Array.of(7))
    cpu.core.set('eip', CODE)
    cpu.set(Ecx, 50)
    cpu.runToHalt()
    expect(cpu.get(Ebx)).toBe(50 + 350)
  })

  it('leaves a region alone whose page is mapped elsewhere, and takes it up again', () => {
    const other = 0x5_0000
    cpu.write(other, assemble('83 c3 05 ; add ebx, 0x5\n49 ; dec ecx\n75 fa ; jne 0x10000\nf4 ; hlt', CODE))
    const text = '83 c3 01 ; add ebx, 0x1\n49 ; dec ecx\n75 fa ; jne 0x10000\nf4 ; hlt'
    run(text, { [Ecx]: 50 })
    for (const [physical, expected] of [[other, 250], [CODE, 50], [other, 250]]) {
      cpu.remap(CODE, physical)
      cpu.core.set('eip', CODE)
      cpu.set(Ebx, 0)
      cpu.set(Ecx, 50)
      cpu.runToHalt()
      expect(cpu.get(Ebx)).toBe(expected)
    }
  })
})

describe('code that changes while its compile is under way', () => {
  /** A loop with a branch that is not taken before EDX is set: the interpreter has not decoded what is there. */
  const TEXT = `
    83 c3 01       ; add ebx, 0x1
    85 d2          ; test edx, edx
    75 04          ; jne 0x1000b
    49             ; dec ecx
    75 f6          ; jne 0x10000
    f4             ; hlt
    83 c0 01       ; add eax, 0x1
    49             ; dec ecx
    75 ef          ; jne 0x10000
    f4             ; hlt`
  const HOT_IMMEDIATE = CODE + 2
  const COLD_IMMEDIATE = CODE + 13
  let cpu: CompiledBench
  let deliver: (() => void)[]

  beforeEach(() => {
    deliver = []
    cpu = new CompiledBench(
      HEAT,
      request => new Promise<CompiledCode | undefined>(resolve => deliver.push(() => resolve(compile(request)))),
    )
    cpu.load(TEXT)
    cpu.set(Ecx, 20)
    cpu.runToHalt()
    expect(deliver.length).toBeGreaterThan(0)
    expect(cpu.regions.stats.installed).toBe(0)
  })

  async function arrive(): Promise<void> {
    for (const settle of deliver.splice(0)) settle()
    await new Promise<void>(resolve => setTimeout(resolve, 0))
  }

  function again(): void {
    cpu.core.set('eip', CODE)
    cpu.set(Eax, 0)
    cpu.set(Ebx, 0)
    cpu.set(Ecx, 20)
    cpu.set(Edx, 1)
    cpu.runToHalt()
  }

  it('arrives unchanged', async () => {
    await arrive()
    again()
    expect([cpu.get(Eax), cpu.get(Ebx)]).toEqual([20, 20])
    expect(cpu.regions.stats.installed).toBeGreaterThan(0)
    expect(cpu.regions.stats.discarded).toBe(0)
  })

  it.each([
    ['decoded bytes', HOT_IMMEDIATE, [20, 180]],
    ['bytes that were never executed', COLD_IMMEDIATE, [180, 20]],
  ] as const)('is thrown away when a device writes %s', async (_what, address, expected) => {
    cpu.write(address, [9])
    await arrive()
    expect(cpu.regions.stats.installed).toBe(0)
    expect(cpu.regions.stats.discarded).toBeGreaterThan(0)
    again()
    await arrive()
    again()
    expect([cpu.get(Eax), cpu.get(Ebx)]).toEqual(expected)
  })

  it('is thrown away when the guest writes bytes that were never executed', async () => {
    const WRITER = CODE + 0x800
    cpu.load('c6 05 0d 00 01 00 09 ; mov byte [0x1000d], 0x9\nf4 ; hlt', WRITER)
    cpu.runToHalt()
    await arrive()
    expect(cpu.regions.stats.installed).toBe(0)
    again()
    expect([cpu.get(Eax), cpu.get(Ebx)]).toEqual([180, 20])
  })
})

/** What a loop adds up in `count` rounds, counted down, when its step of 1 grows in every eighth round. */
function eighthWise(count: number, grows: 'before' | 'after'): number {
  let total = 0
  let step = 1
  for (let left = count; left > 0; left--) {
    if (left % 8 === 0 && grows === 'before') step++
    total += step
    if (left % 8 === 0 && grows === 'after') step++
  }
  return total
}

/** from + … + to */
function sum(from: number, to: number): number {
  return ((from + to) * (to - from + 1)) / 2
}
