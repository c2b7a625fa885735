/**
 * Every way to write code, from every place: a loop whose ADD has an immediate that a store of some kind changes in
 * every sixty-fourth round. Compiled at once or late, it adds up what the manual says: on x86 a store to code is seen by
 * the next instruction (SDM vol. 3, 11.6, processors from the Pentium on).
 *
 *   loop: add ebx, imm32 | test dl, 63 | jne over | store | over: dec edx | jne loop | hlt
 */
import { describe, expect, it } from 'vitest'
import { type CompiledCode, compile } from '../../../jit/compile.ts'
import type { Compiler } from '../../../jit/region-manager.ts'
import { ExitReason } from '../../../runtime/exits.ts'
import { Gpr } from '../../../runtime/state.ts'
import { compileAltered } from '../../../tools/fuzz/altered-compile.ts'
import { CompiledBench } from '../../engines/compiled-cpu.ts'
import { assemble, CODE, DATA, ELSEWHERE, nextPage, STACK_TOP } from '../cpu/bench.ts'

const HEAT = 2
const ROUNDS = 300
const PERIOD = 64
const PIECE = 97
const FIRST = 0x100
/** Bytes of ADD EBX, imm32 in front of its immediate. */
const OPCODE = 2
const ADD_BYTES = 6
const WRITTEN = 0x1234_5678

/** Where the immediate is, as text for the assembler and as little-endian bytes. */
interface Place {
  readonly text: string
  readonly bytes: string
  /** The same for another offset from the immediate. */
  readonly plus: (offset: number) => { readonly text: string; readonly bytes: string }
}

function hexBytes(value: number): string {
  return [0, 8, 16, 24].map(shift => ((value >>> shift) & 0xff).toString(16).padStart(2, '0')).join(' ')
}

function placeAt(address: number): Place {
  const at = (offset: number) => ({ text: `0x${(address + offset).toString(16)}`, bytes: hexBytes(address + offset) })
  return { ...at(0), plus: at }
}

/** A way to write: the instructions, and what they make of the immediate. EDI is its address, EAX is `WRITTEN`. */
interface Store {
  readonly name: string
  readonly code: (place: Place) => string
  readonly next: (value: number) => number
}

const rotate8 = (value: number) => ((value & 0xffff_ff00) | (((value << 1) | ((value >>> 7) & 1)) & 0xff)) >>> 0

const stores: readonly Store[] = [
  { name: 'mov r/m32', code: p => `89 05 ${p.bytes} ; mov dword [${p.text}], eax`, next: () => WRITTEN },
  { name: 'mov through a register', code: () => '89 07 ; mov dword [edi], eax', next: () => WRITTEN },
  {
    name: 'mov r/m16',
    code: p => `66 89 05 ${p.bytes} ; mov word [${p.text}], ax`,
    next: v => (v & 0xffff_0000) | (WRITTEN & 0xffff),
  },
  {
    name: 'mov r/m8 to its middle',
    code: p => `88 25 ${p.plus(2).bytes} ; mov byte [${p.plus(2).text}], ah`,
    next: v => (v & 0xff00_ffff) | (0x56 << 16),
  },
  {
    name: 'a store that begins in the opcode',
    code: p => `c7 05 ${p.plus(-2).bytes} 81 c3 07 00 ; mov dword [${p.plus(-2).text}], 0x7c381`,
    next: v => ((v & 0xffff_0000) | 7) >>> 0,
  },
  {
    name: 'the same bytes',
    code: p => `8b 37 ; mov esi, dword [edi]\n89 35 ${p.bytes} ; mov dword [${p.text}], esi`,
    next: v => v,
  },
  { name: 'inc', code: p => `ff 05 ${p.bytes} ; inc dword [${p.text}]`, next: v => v + 1 },
  {
    name: 'add r/m8',
    code: p => `80 05 ${p.bytes} 03 ; add byte [${p.text}], 0x3`,
    next: v => (v & 0xffff_ff00) | ((v + 3) & 0xff),
  },
  { name: 'rol r/m8', code: p => `d0 05 ${p.bytes} ; rol byte [${p.text}], 0x1`, next: rotate8 },
  { name: 'neg', code: p => `f7 1d ${p.bytes} ; neg dword [${p.text}]`, next: v => -v },
  { name: 'bts', code: p => `0f ba 2d ${p.bytes} 05 ; bts dword [${p.text}], 0x5`, next: v => v | 32 },
  { name: 'setcc', code: p => `0f 94 05 ${p.bytes} ; sete byte [${p.text}]`, next: v => (v & 0xffff_ff00) | 1 },
  {
    name: 'xchg',
    code: p => `89 c6 ; mov esi, eax\n87 35 ${p.bytes} ; xchg dword [${p.text}], esi`,
    next: () => WRITTEN,
  },
  {
    name: 'xadd',
    code: p => `be 05 00 00 00 ; mov esi, 0x5\n0f c1 35 ${p.bytes} ; xadd dword [${p.text}], esi`,
    next: v => v + 5,
  },
  {
    name: 'cmpxchg',
    next: v => v + 9,
    code: p =>
      `8b 07 ; mov eax, dword [edi]\n8d 70 09 ; lea esi, [eax+0x9]\n0f b1 35 ${p.bytes} ; cmpxchg dword [${p.text}], esi`,
  },
  { name: 'movbe', code: p => `0f 38 f1 05 ${p.bytes} ; movbe dword [${p.text}], eax`, next: () => 0x7856_3412 },
  {
    name: 'push',
    next: () => WRITTEN,
    code: () => '89 e5 ; mov ebp, esp\n8d 67 04 ; lea esp, [edi+0x4]\n50 ; push eax\n89 ec ; mov esp, ebp',
  },
  { name: 'pop', code: p => `50 ; push eax\n8f 05 ${p.bytes} ; pop dword [${p.text}]`, next: () => WRITTEN },
  { name: 'stosd', code: () => '57 ; push edi\nab ; stosd\n5f ; pop edi', next: () => WRITTEN },
  {
    name: 'rep stosb',
    next: v => ((v & 0xff00_0000) | 0x787878) >>> 0,
    code: () => '57 ; push edi\nb9 03 00 00 00 ; mov ecx, 0x3\nf3 aa ; rep stosb\n5f ; pop edi',
  },
  {
    name: 'rep movsb that overlaps',
    next: v => ((v & 0xff) * 0x0101_0101) >>> 0,
    code: () =>
      '57 ; push edi\n89 fe ; mov esi, edi\n47 ; inc edi\nb9 03 00 00 00 ; mov ecx, 0x3\nf3 a4 ; rep movsb\n5f ; pop edi',
  },
  {
    name: 'fistp of 32 bits',
    next: () => WRITTEN,
    code: p =>
      `db e3 ; fninit\ndb 05 ${hexBytes(DATA)} ; fild dword [0x${DATA.toString(16)}]\ndb 1d ${p.bytes} ; fistp dword [${p.text}]`,
  },
]

/** A jump of 32 bits at `at` to `target`: its text. */
function jne(at: number, target: number): string {
  return `0f 85 ${hexBytes(target - at - 6)} ; jne 0x${target.toString(16)}`
}

/** Where the ADD is: at the loop's head, or called in another page; and where the loop is. */
const places = [
  { name: 'in its own block', loop: CODE, add: CODE, called: false },
  { name: 'across two pages', loop: nextPage(CODE) - 4, add: nextPage(CODE) - 4, called: false },
  { name: 'across two granules', loop: CODE + 0x7d, add: CODE + 0x7d, called: false },
  { name: 'in a callee in another page', loop: CODE, add: nextPage(CODE) + 8, called: true },
] as const

/** The program with its ADD at `place.add`, written to `linear` by a store. */
function load(cpu: CompiledBench, place: (typeof places)[number], store: Store, linear: number): void {
  const add = `81 c3 ${hexBytes(FIRST)} ; add ebx, 0x${FIRST.toString(16)}`
  if (place.called) cpu.load(`${add}\nc3 ; ret`, place.add, false)
  const head = place.called ? `e8 ${hexBytes(place.add - place.loop - 5)} ; call 0x${place.add.toString(16)}` : add
  const test = 'f6 c2 3f ; test dl, 0x3f'
  const code = assemble(store.code(placeAt(linear)), 0)
  const branch = place.loop + assemble(`${head}\n${test}`, place.loop).length
  const over = branch + 6 + code.length
  cpu.load(
    [
      head,
      test,
      jne(branch, over),
      store.code(placeAt(linear)),
      '4a ; dec edx',
      jne(over + 1, place.loop),
      'f4 ; hlt',
    ].join('\n'),
    place.loop,
  )
  expect(head === add ? ADD_BYTES : 5).toBe(branch - place.loop - 3)
}

function expected(store: Store): number {
  let sum = 0
  let value = FIRST
  for (let left = ROUNDS; left > 0; left--) {
    sum = (sum + value) >>> 0
    if (left % PERIOD === 0) value = store.next(value) >>> 0
  }
  return sum
}

/** Runs to HLT in pieces, between which late compiles arrive. */
async function runToHalt(cpu: CompiledBench, deliver: (() => void)[]): Promise<void> {
  for (let pieces = 0; pieces < 1000; pieces++) {
    const reason = cpu.run(PIECE)
    if (reason === ExitReason.Halt) return
    expect(reason).toBe(ExitReason.Budget)
    if (deliver.length === 0) continue
    for (const settle of deliver.splice(0)) settle()
    await new Promise<void>(resolve => setImmediate(resolve))
  }
  expect.unreachable('no HLT')
}

describe.each(['at once', 'late'] as const)('code compiled %s that is written', when => {
  describe.each(places)('$name', place => {
    // One CPU for all: what it has compiled for the store before goes when the next program is loaded over it.
    const deliver: (() => void)[] = []
    const late: Compiler = request =>
      new Promise<CompiledCode | undefined>(resolve => deliver.push(() => resolve(compile(request))))
    const cpu = new CompiledBench(HEAT, when === 'late' ? late : request => compileAltered(request, { poison: true }))
    cpu.remap(ELSEWHERE + CODE, CODE, 2)

    describe.each([
      ['its own page', 0],
      ['another linear page', ELSEWHERE],
    ] as const)('through %s', (_name, distance) => {
      it.each(stores)('by $name', async store => {
        const installed = cpu.regions.stats.installed
        const immediate = place.add + OPCODE + distance
        load(cpu, place, store, immediate)
        cpu.write32(DATA, WRITTEN)
        cpu.set(Gpr.Esp, STACK_TOP)
        cpu.set(Gpr.Edi, immediate)
        cpu.set(Gpr.Eax, WRITTEN)
        cpu.set(Gpr.Ebx, 0)
        cpu.set(Gpr.Edx, ROUNDS)
        cpu.core.set('halted', 0)
        await runToHalt(cpu, deliver)
        expect(cpu.regions.stats.installed).toBeGreaterThan(installed)
        expect(cpu.get(Gpr.Ebx)).toBe(expected(store))
      })
    })
  })
})
