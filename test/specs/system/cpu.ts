/**
 * A bench for the system-level helpers: compiles them alone, gives them 1 MiB of RAM and a protected-mode
 * environment, and reads and writes their state. No decoder, interpreter or definitions are involved.
 *
 *   physical  0x1000 GDT   0x2000 IDT   0x3000 LDT   0x4000 TSS32   0x5000 TSS16   0x6000 second TSS
 *             0x10000 stacks   0x20000 page tables
 */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'
import {
  HELPER_DATA_BASE,
  linearMemoryBytes,
  PAGE_FLAGS_BASE,
  PageFlag,
  RAM_BASE,
} from '../../../runtime/memory-map.ts'
import {
  Cr0,
  Eflags,
  Gpr,
  Segment,
  STATE_BASE,
  STATE_END,
  type StateName,
  stateAddress,
} from '../../../runtime/state.ts'
import { writeLayout } from '../../../tools/build-layout.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const RAM_BYTES = 1 << 20

export const GDT = 0x1000
export const IDT = 0x2000
export const LDT = 0x3000
export const TSS32 = 0x4000
export const TSS16 = 0x5000
export const OTHER_TSS = 0x6000
const TABLES_END = 0x7000
export const STACK_TOP = 0x10000
export const REAL_STACK_TOP = 0xf000
export const INNER_STACK_TOP = 0x12000
export const PAGE_TABLES = 0x20000

/** Selectors of the standard GDT. */
export const sel = {
  code0: 0x08,
  data0: 0x10,
  code3: 0x1b,
  data3: 0x23,
  conforming0: 0x28,
  code16: 0x30,
  data16: 0x38,
  tss32: 0x40,
  ldt: 0x48,
  tss16: 0x50,
  otherTss: 0x58,
  callGate: 0x60,
  taskGate: 0x68,
  spare: 0x70,
  code1: 0x79,
  data1: 0x81,
  code16user: 0x8b,
  data16user: 0x93,
  spare2: 0x98,
  execOnly: 0xa0,
  readOnly: 0xa8,
  expandDown: 0xb0,
} as const
const GDT_LIMIT = 0xb7

/** Access bytes. */
export const ACC = {
  code0: 0x9b,
  data0: 0x93,
  code3: 0xfb,
  data3: 0xf3,
  conforming0: 0x9f,
  execOnly0: 0x99,
  readOnly0: 0x91,
  expandDown0: 0x97,
  tss32: 0x89,
  tss16: 0x81,
  busy32: 0x8b,
  busy16: 0x83,
  ldt: 0x82,
} as const

export interface DescriptorFields {
  base?: number
  /** As stored: 20 bits. */
  limit?: number
  access: number
  /** G, D/B, L, AVL as the high nibble: 0xc = 4 KiB granular, 32 bits. */
  flags?: number
}

export interface Fault {
  readonly vector: number
  readonly code: number
}

type Helper = (...args: (number | bigint)[]) => number
type Helpers = Record<string, Helper>

let compiled: Promise<WebAssembly.Module> | undefined

/** Names the module by what it is compiled from, so that the spec files share one compilation. */
function cachedModule(): string {
  const helpers = join(root, 'runtime/helpers')
  const hash = createHash('sha256').update(readFileSync(join(root, 'build/helpers/layout.ts')))
  for (const name of readdirSync(helpers).sort()) hash.update(readFileSync(join(helpers, name)))
  return join(tmpdir(), `tabpc-system-${hash.digest('hex').slice(0, 16)}.wasm`)
}

async function compile(): Promise<WebAssembly.Module> {
  writeLayout()
  const output = cachedModule()
  if (!existsSync(output)) {
    // Compiled under a name of its own and renamed, because spec files run side by side.
    const draft = `${output}.${process.pid}`
    const entries = ['system', 'memory', 'paging', 'mode', 'flags'].map(name => `runtime/helpers/${name}.ts`)
    const { error, stderr } = await asc.main([
      ...entries,
      '--baseDir',
      root,
      '--outFile',
      draft,
      '--importMemory',
      '--runtime',
      'stub',
      '--memoryBase',
      String(HELPER_DATA_BASE),
      '-O1',
      '--disableWarning',
    ])
    if (error) throw new Error(`the helpers do not compile:\n${stderr.toString()}`)
    renameSync(draft, output)
  }
  return WebAssembly.compile(readFileSync(output))
}

export class Cpu {
  readonly helpers: Helpers
  private readonly view: DataView
  /** What timestamp() answers. */
  time = 0
  /** Port accesses, as text. */
  readonly ports: string[] = []

  private constructor(module: WebAssembly.Module) {
    const memory = new WebAssembly.Memory({ initial: linearMemoryBytes(RAM_BYTES) / 65536 })
    this.view = new DataView(memory.buffer)
    const host = {
      readDevice: () => -1,
      writeDevice: () => {},
      readPort: (port: number, bits: number) => {
        this.ports.push(`in ${port.toString(16)} ${bits}`)
        return 0x55
      },
      writePort: (port: number, bits: number, value: number) => {
        this.ports.push(`out ${port.toString(16)} ${bits} ${value.toString(16)}`)
      },
      codeWritten: () => {},
      timestamp: () => this.time,
      floatError: () => {},
      apicBaseWritten: () => {},
      random: () => 0x5eed,
    }
    const abort = (): never => {
      throw new Error('a helper aborted')
    }
    const instance = new WebAssembly.Instance(module, { env: { memory, abort }, host })
    this.helpers = instance.exports as unknown as Helpers
    new Uint8Array(memory.buffer, PAGE_FLAGS_BASE, RAM_BYTES >> 12).fill(PageFlag.Ram)
  }

  /** A bench in real mode as after reset, with all segments at 0 and the stack at REAL_STACK_TOP. */
  static async create(): Promise<Cpu> {
    compiled ??= compile()
    const cpu = new Cpu(await compiled)
    cpu.real()
    return cpu
  }

  // --- state and memory ---

  get(name: StateName, index = 0): number {
    return this.view.getUint32(stateAddress(name, index), true)
  }
  set(name: StateName, value: number, index = 0): void {
    this.view.setUint32(stateAddress(name, index), value >>> 0, true)
  }
  get64(name: StateName, index = 0): bigint {
    return this.view.getBigUint64(stateAddress(name, index), true)
  }
  read8(at: number): number {
    return this.view.getUint8(RAM_BASE + at)
  }
  read16(at: number): number {
    return this.view.getUint16(RAM_BASE + at, true)
  }
  read32(at: number): number {
    return this.view.getUint32(RAM_BASE + at, true)
  }
  write8(at: number, value: number): void {
    this.view.setUint8(RAM_BASE + at, value)
  }
  write16(at: number, value: number): void {
    this.view.setUint16(RAM_BASE + at, value, true)
  }
  write32(at: number, value: number): void {
    this.view.setUint32(RAM_BASE + at, value >>> 0, true)
  }
  /** `count` values of `size` bits from `at` upwards. */
  values(at: number, size: number, count: number): number[] {
    const read = (place: number) => (size === 16 ? this.read16(place) : this.read32(place))
    return Array.from({ length: count }, (_, i) => read(at + (i * size) / 8))
  }

  get esp(): number {
    return this.get('gpr', Gpr.Esp)
  }
  set esp(value: number) {
    this.set('gpr', value, Gpr.Esp)
  }
  get eflags(): number {
    return this.helpers.getEflags() >>> 0
  }
  set eflags(value: number) {
    this.helpers.setEflags(value)
    this.helpers.updateMode()
  }
  selector(segment: Segment): number {
    return this.get('segmentSelector', segment)
  }

  /** What tells whether an instruction has changed anything: the state without the fault and scratch fields. */
  snapshot(): string {
    const bytes = Buffer.from(new Uint8Array(this.view.buffer, STATE_BASE, STATE_END - STATE_BASE).slice())
    for (const name of ['fault', 'faultErrorCode', 'cr2', 'result'] as const)
      bytes.fill(0, stateAddress(name) - STATE_BASE, stateAddress(name) - STATE_BASE + 8)
    return bytes.toString('hex')
  }

  /** The pending exception, which is taken away; undefined if there is none. */
  takeFault(): Fault | undefined {
    const fault = this.get('fault')
    if (fault === 0) return undefined
    this.set('fault', 0)
    return { vector: fault - 1, code: this.get('faultErrorCode') }
  }

  /** Calls a helper; throws if it raised an exception. */
  call(name: string, ...args: (number | bigint)[]): number {
    const result = this.helpers[name](...args)
    const fault = this.takeFault()
    if (fault) throw new Error(`${name} raised vector ${fault.vector}, code ${fault.code.toString(16)}`)
    return typeof result === 'number' ? result >>> 0 : result
  }

  /** Calls a helper that must raise an exception and change nothing; gives `vector:code` with the code in hex. */
  faultOf(name: string, ...args: (number | bigint)[]): string {
    const before = this.snapshot()
    this.helpers[name](...args)
    const fault = this.takeFault()
    if (!fault) return 'none'
    if (this.snapshot() !== before) return `${fault.vector}:${fault.code.toString(16)} and the state has changed`
    return `${fault.vector}:${fault.code.toString(16)}`
  }

  // --- environment ---

  /** Writes a segment or system-segment descriptor at a physical address. */
  descriptor(at: number, { base = 0, limit = 0xfffff, access, flags = 0xc }: DescriptorFields): void {
    this.write32(at, ((base & 0xffff) << 16) | (limit & 0xffff))
    const high = (base & 0xff000000) | (flags << 20) | (limit & 0xf0000) | (access << 8) | ((base >>> 16) & 0xff)
    this.write32(at + 4, high)
  }

  /** Writes a gate at a physical address. `access` is P, DPL, type; `count` the parameters of a call gate. */
  gate(at: number, access: number, selector: number, offset: number, count = 0): void {
    this.write32(at, ((selector & 0xffff) << 16) | (offset & 0xffff))
    this.write32(at + 4, (offset & 0xffff0000) | (access << 8) | count)
  }

  /** Replaces the GDT entry of `selector`. */
  gdt(selector: number, fields: DescriptorFields): void {
    this.descriptor(GDT + (selector & 0xfff8), fields)
  }

  /** Real mode: all bases 0, limits 64 KiB. */
  real(): void {
    for (const name of ['cr4', 'idtrBase', 'gdtrBase', 'interruptShadow', 'halted', 'efer', 'exitReason'] as const)
      this.set(name, 0)
    this.set('cr0', Cr0.ET)
    this.set('cpl', 0)
    this.set('a20Mask', 0xffffffff)
    this.set('ramBytes', RAM_BYTES)
    for (let segment = Segment.Es; segment <= Segment.Gs; segment++) this.cache(segment, 0, 0, 0xffff, 0x93)
    this.cache(Segment.Ldtr, 0, 0, 0xffff, 0x82)
    this.cache(Segment.Tr, 0, 0, 0xffff, 0x8b)
    this.set('idtrLimit', 0x3ff)
    this.set('gdtrLimit', 0xffff)
    this.set('dr', 0xffff0ff0, 6)
    this.set('dr', 0x400, 7)
    this.eflags = 2
    this.esp = REAL_STACK_TOP
    this.set('eip', 0x100)
    this.helpers.flushTlb(1)
    this.helpers.updateMode()
  }

  cache(segment: Segment, selector: number, base: number, limit: number, access: number): void {
    this.set('segmentSelector', selector, segment)
    this.set('segmentBase', base, segment)
    this.set('segmentLimit', limit, segment)
    this.set('segmentAccess', access, segment)
  }

  /** Protected mode at privilege `cpl`: standard GDT, empty LDT of eight entries, empty IDT, 32-bit TSS. */
  protect(cpl = 0): this {
    this.real()
    for (let at = GDT; at < TABLES_END; at += 4) this.write32(at, 0)
    this.gdt(0, { access: 0, limit: 0, flags: 0 })
    this.gdt(sel.code0, { access: ACC.code0 })
    this.gdt(sel.data0, { access: ACC.data0 })
    this.gdt(sel.code3, { access: ACC.code3 })
    this.gdt(sel.data3, { access: ACC.data3 })
    this.gdt(sel.conforming0, { access: ACC.conforming0 })
    this.gdt(sel.code16, { access: ACC.code0, limit: 0xffff, flags: 0 })
    this.gdt(sel.data16, { access: ACC.data0, limit: 0xffff, flags: 0 })
    this.gdt(sel.tss32, { access: ACC.busy32, base: TSS32, limit: 0x2067, flags: 0 })
    this.gdt(sel.ldt, { access: ACC.ldt, base: LDT, limit: 0x3f, flags: 0 })
    this.gdt(sel.tss16, { access: ACC.tss16, base: TSS16, limit: 0x2b, flags: 0 })
    this.gdt(sel.otherTss, { access: ACC.tss32, base: OTHER_TSS, limit: 0x67, flags: 0 })
    this.gdt(sel.code1, { access: 0xbb })
    this.gdt(sel.data1, { access: 0xb3 })
    this.gdt(sel.code16user, { access: ACC.code3, limit: 0xffff, flags: 0 })
    this.gdt(sel.data16user, { access: ACC.data3, limit: 0xffff, flags: 0 })
    this.gdt(sel.execOnly, { access: ACC.execOnly0 })
    this.gdt(sel.readOnly, { access: ACC.readOnly0 })
    this.gdt(sel.expandDown, { access: ACC.expandDown0, limit: 0xf })
    this.set('gdtrBase', GDT)
    this.set('gdtrLimit', GDT_LIMIT)
    this.set('idtrBase', IDT)
    this.set('idtrLimit', 0x7ff)
    this.set('cr0', Cr0.ET | Cr0.PE)
    this.set('cpl', cpl)
    this.esp = STACK_TOP
    const code = cpl === 0 ? sel.code0 : cpl === 1 ? sel.code1 : sel.code3
    const data = cpl === 0 ? sel.data0 : cpl === 1 ? sel.data1 : sel.data3
    this.cache(Segment.Cs, code, 0, 0xffffffff, 0xc09b | (cpl << 5))
    for (const segment of [Segment.Es, Segment.Ss, Segment.Ds, Segment.Fs, Segment.Gs])
      this.cache(segment, data, 0, 0xffffffff, 0xc093 | (cpl << 5))
    this.cache(Segment.Ldtr, sel.ldt, LDT, 0x3f, 0x82)
    this.cache(Segment.Tr, sel.tss32, TSS32, 0x2067, 0x8b)
    this.write32(TSS32 + 4, INNER_STACK_TOP)
    this.write16(TSS32 + 8, sel.data0)
    this.write32(TSS32 + 12, INNER_STACK_TOP - 0x800)
    this.write16(TSS32 + 16, sel.data1)
    this.write16(TSS32 + 0x66, 0x68)
    this.helpers.updateMode()
    return this
  }

  /** Virtual-8086 mode on top of `protect`, with the given IOPL. Segments at 0x0, stack at 0:0xf000. */
  virtual8086(iopl: number): this {
    this.protect(3)
    this.eflags = 2 | Eflags.VM | (iopl << 12)
    for (let segment = Segment.Es; segment <= Segment.Gs; segment++) this.cache(segment, 0, 0, 0xffff, 0xf3)
    this.esp = REAL_STACK_TOP
    this.helpers.updateMode()
    return this
  }

  /** Turns paging on with identity mapping of the first 4 MiB; `entry` gives the flags of page `n`. */
  page(entry: (page: number) => number = () => 7): this {
    this.write32(PAGE_TABLES, (PAGE_TABLES + 0x1000) | 7)
    for (let page = 0; page < 1024; page++) this.write32(PAGE_TABLES + 0x1000 + page * 4, (page << 12) | entry(page))
    this.set('cr3', PAGE_TABLES)
    this.set('cr0', (this.get('cr0') | Cr0.PG) >>> 0)
    this.helpers.flushTlb(1)
    return this
  }
}
