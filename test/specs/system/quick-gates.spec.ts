/**
 * The quick way through gates and IRET (runtime/helpers/quick-gates.ts) against the general one. Quick is what finds its
 * pages in the TLB, so each case is carried out twice, with an empty TLB and a filled one; the two must agree in
 * registers, flags, faults and memory, whatever stands in descriptors, gates, TSS and frames.
 */
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { Cr0, Eflags, Gpr, Segment, stateFields, type StateName } from '../../../runtime/state.ts'
import { ACC, Cpu, GDT, IDT, INNER_STACK_TOP, sel, STACK_TOP, TSS32 } from './cpu.ts'

const VECTOR = 0x30
const NEXT = 0x7654
const PAGE_BYTES = 0x1000
/** Fields that stand for others, or for nothing that a program sees. */
const UNSEEN: ReadonlySet<string> = new Set([
  'flagKind', 'flagResult', 'flagLeft', 'flagRight', 'flagCarry', 'flagOverflow', 'fault', 'faultErrorCode', 'result',
  'key', 'userGeneration', 'supervisorGeneration',
])
/** Everything that a case may touch lies below. */
const USED_BYTES = 0x20000
const FRAME = STACK_TOP - 0x40

let cpu: Cpu
beforeAll(async () => {
  cpu = await Cpu.create()
}, 60000)

/** Mostly the first, which the quick way serves; at times one of the others. */
const mostly = <T>(usual: T, ...others: T[]) =>
  fc.oneof({ weight: 12, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) })

const STATUS = Eflags.CF | Eflags.PF | Eflags.AF | Eflags.ZF | Eflags.SF | Eflags.OF
const DF = 1 << 10
const flags = fc.tuple(fc.nat(0xffff), mostly(0, Eflags.NT, Eflags.TF, Eflags.RF, Eflags.ID)).map(
  ([bits, more]) => (bits & (STATUS | Eflags.IF | DF)) | more | 2,
)
const codeSelectors = [sel.data0, sel.code3, sel.conforming0, sel.code16, sel.spare, sel.code1, sel.execOnly, 0, sel.code0 | 4, 0xfff8]
const environment = fc.record({
  cpl: mostly(3, 0, 0, 0, 1),
  ring0Code: mostly(ACC.code0, 0x9a, ACC.conforming0, ACC.execOnly0, 0x1b, ACC.data0),
  ring3Code: mostly(ACC.code3, 0xfa, 0x7b, 0xff),
  ring0Data: mostly(ACC.data0, 0x92, ACC.readOnly0, ACC.expandDown0, 0x13),
  ring3Data: mostly(ACC.data3, 0xf2, 0xf1, 0x73),
  available: fc.boolean(),
  limit: mostly(0xfffff, 0xf, 0x7f),
  flags,
  alignment: fc.boolean(),
  gdtrLimit: mostly(0xb7, 0x0f, 0x1a),
  dataSegments: fc.tuple(
    mostly(sel.data3 as number, sel.data0, 0), mostly(sel.data3 as number, sel.data0, 0), mostly(sel.data3 as number, sel.data0, 0, sel.conforming0),
    mostly(0, sel.data3 as number, sel.data0, sel.code1),
  ),
})
type Environment = typeof environment extends fc.Arbitrary<infer T> ? T : never

const caches: ReadonlyMap<number, number> = new Map([
  [sel.data3, 0xc0f3], [sel.data0, 0xc093], [sel.conforming0, 0xc09f], [sel.code1, 0xc0bb],
])

function prepare(given: Environment): void {
  cpu.protect(given.cpl)
  const high = given.available ? 0xd : 0xc
  const put = (selector: number, access: number) => cpu.gdt(selector, { access, limit: given.limit, flags: high })
  put(sel.code0, given.ring0Code)
  put(sel.code3, given.ring3Code)
  put(sel.data0, given.ring0Data)
  put(sel.data3, given.ring3Data)
  cpu.set('gdtrLimit', given.gdtrLimit)
  if (given.alignment) cpu.set('cr0', Cr0.ET | Cr0.PE | Cr0.AM)
  const [es, ds, fs, gs] = given.dataSegments
  for (const [segment, selector] of [[Segment.Es, es], [Segment.Ds, ds], [Segment.Fs, fs], [Segment.Gs, gs]] as const)
    cpu.cache(segment, selector, 0, selector === 0 ? 0xffff : 0xffffffff, caches.get(selector) ?? 0)
  for (let at = STACK_TOP - 0x100; at < STACK_TOP + 0x100; at += 4) cpu.write32(at, 0xeeeeeeee)
  for (let at = INNER_STACK_TOP - 0x100; at < INNER_STACK_TOP; at += 4) cpu.write32(at, 0xdddddddd)
  cpu.eflags = given.flags
  cpu.helpers.flushTlb(1)
}

/** Has the TLB know all pages that a case may touch, for supervisor rights. */
function warm(): void {
  const cpl = cpu.get('cpl')
  cpu.set('cpl', 0)
  for (let at = 0; at < USED_BYTES; at += PAGE_BYTES) cpu.call('write32', at, cpu.call('read32', at))
  cpu.set('cpl', cpl)
}

/** All that a case may change by name, lazy flags as the flags that they stand for. */
function outcome(): string[] {
  const fault = cpu.takeFault()
  const lines = [`fault ${fault?.vector}:${fault?.code}`, `EFLAGS ${cpu.eflags.toString(16)}`]
  for (const { name, count } of Object.values(stateFields))
    if (!UNSEEN.has(name))
      for (let i = 0; i < count; i++) lines.push(`${name}[${i}] ${cpu.get64(name as StateName, i).toString(16)}`)
  for (let at = 0; at < USED_BYTES; at += 4)
    if (cpu.read32(at) !== 0) lines.push(`${at.toString(16)}: ${cpu.read32(at).toString(16)}`)
  return lines
}

/** Carries a case out both ways and compares. */
function agree(set: () => void, run: () => void): void {
  set()
  run()
  const general = outcome()
  set()
  warm()
  run()
  expect(outcome()).toEqual(general)
}

describe('the quick way agrees with the general one', () => {
  test('for interrupts and exceptions', () => {
    const gate = fc.record({
      environment,
      kind: mostly(0, 1, 2),
      access: mostly(0xee, 0xef, 0x8e, 0x8f, 0xe6, 0x6e, 0x85, 0x92),
      selector: mostly(sel.code0 as number, ...codeSelectors, sel.code0 | 3),
      offset: fc.nat(0xffffffff),
      esp: mostly(STACK_TOP, STACK_TOP + 8, STACK_TOP - 2),
      esp0: mostly(INNER_STACK_TOP, INNER_STACK_TOP + 4, 0x11007, 0),
      ss0: mostly(sel.data0 as number, sel.data3, 0, sel.data0 | 4, sel.data0 | 3, sel.spare),
      tssLimit: mostly(0x2067, 11, 10, 3),
      tssType: mostly(0x8b, 0x83),
      idtrLimit: mostly(0x7ff, VECTOR * 8 + 6),
      exception: fc.option(fc.constantFrom(0, 6, 13, 14), { nil: undefined }),
      code: fc.nat(0xffff),
    })
    let delivered = 0
    fc.assert(
      fc.property(gate, given => {
        const vector = given.exception ?? VECTOR
        const set = () => {
          prepare(given.environment)
          cpu.gate(IDT + vector * 8, given.access, given.selector, given.offset)
          cpu.set('idtrLimit', given.idtrLimit)
          cpu.esp = given.esp
          cpu.write32(TSS32 + 4, given.esp0)
          cpu.write16(TSS32 + 8, given.ss0)
          cpu.cache(Segment.Tr, sel.tss32, TSS32, given.tssLimit, given.tssType)
          cpu.set('eip', NEXT)
        }
        agree(set, () => {
          if (given.exception === undefined) cpu.helpers.deliverInterrupt(vector, NEXT, given.kind)
          else {
            cpu.set('fault', vector + 1)
            cpu.set('faultErrorCode', given.code)
            cpu.helpers.deliverException()
          }
          if (cpu.get('cpl') === 0 && cpu.get('eip') === given.offset) delivered++
        })
      }),
      { numRuns: 3000, seed: 20261121 },
    )
    expect(delivered).toBeGreaterThan(1000)
  })

  test('for IRET', () => {
    const frame = fc.record({
      environment: environment.map(each => ({ ...each, cpl: each.cpl === 3 ? 0 : each.cpl })),
      size: mostly(32, 16),
      eip: fc.nat(0xffffffff),
      selector: fc.oneof(
        mostly(sel.code3 as number, ...codeSelectors, sel.code3 & ~3, (sel.code3 & ~3) | 2), mostly(sel.code0 as number, ...codeSelectors),
      ),
      high: mostly(0, 0xabcd0000),
      image: fc.tuple(flags, mostly(0, Eflags.NT, Eflags.TF, Eflags.AC, Eflags.RF, Eflags.VIF, Eflags.VM, Eflags.ID, 0xffc08028)),
      outerEsp: fc.nat(0xffffffff),
      outerSs: mostly(sel.data3 as number, sel.data0, 0, sel.data3 & ~3, sel.data3 | 4, sel.code3),
      esp: mostly(FRAME, 0xfff0, 0xfff2, FRAME + 2),
      nested: mostly(false, true),
    })
    let returned = 0
    fc.assert(
      fc.property(frame, given => {
        const set = () => {
          prepare(given.environment)
          cpu.esp = given.esp
          const image = given.image[0] | given.image[1]
          const words = [given.eip, given.high | given.selector, image, given.outerEsp, given.high | given.outerSs]
          words.forEach((word, i) => {
            cpu.write32(given.esp + 4 * i, word)
          })
          if (given.nested) cpu.eflags = given.environment.flags | Eflags.NT
          cpu.set('nmiBlocked', 1)
        }
        agree(set, () => {
          cpu.helpers.iret(given.size, NEXT)
          if (cpu.get('eip') === given.eip) returned++
        })
      }),
      { numRuns: 3000, seed: 20261122 },
    )
    expect(returned).toBeGreaterThan(1000)
  })

  test('for loads of data segments in regions', () => {
    const load = fc.record({
      environment, segment: fc.constantFrom(Segment.Es, Segment.Ds, Segment.Fs, Segment.Gs),
      selector: mostly(sel.data3 as number, sel.data0, 0, sel.code3, sel.execOnly, sel.data3 | 4, sel.conforming0, 0xfff8),
    })
    let loaded = 0
    fc.assert(
      fc.property(load, ({ environment: given, segment, selector }) => {
        prepare(given)
        cpu.helpers.loadSegment(segment, selector)
        const general = outcome()
        prepare(given)
        warm()
        if (cpu.helpers.tryLoadSegment((segment << 16) | selector) === 0) return
        expect(outcome()).toEqual(general)
        loaded++
      }),
      { numRuns: 1000, seed: 20261123 },
    )
    expect(loaded).toBeGreaterThan(300)
  })
})

describe('the quick way', () => {
  test('writes no frame that crosses into a page that the TLB does not know', () => {
    cpu.protect(0)
    cpu.gate(IDT + VECTOR * 8, 0x8e, sel.code0, 0x1000)
    cpu.esp = STACK_TOP + 4
    warm()
    cpu.call('deliverInterrupt', VECTOR, NEXT, 0)
    expect(cpu.values(STACK_TOP - 8, 32, 2)).toEqual([NEXT, sel.code0])
    expect(cpu.get('gpr', Gpr.Esp)).toBe(STACK_TOP - 8)
    expect(cpu.read32(GDT)).toBe(0)
  })
})
