/**
 * What a random program runs in: privilege, paging, segments, interrupts. Drawn from the program's seed and put into a
 * CPU before the program: descriptor tables, page tables, control registers.
 */
import { Cr0, Cr4, Eflags, Gpr, Segment } from '../../runtime/state.ts'
import type { FuzzCpu } from './fuzz-cpu.ts'
import {
  ALIAS_TABLE,
  CODE,
  DATA,
  DEMAND_PAGES,
  DEMAND_PHYSICAL,
  DEMAND_TABLE,
  DEVICE_DISTANCE,
  DEVICE_PHYSICAL,
  DIRECTORY,
  GDT,
  HANDLER_PAGES,
  HANDLERS,
  HIGH_DIRECTORY,
  IDT,
  KERNEL_STACK,
  KERNEL_STACK_TOP,
  LOW_TABLE,
  PAGE,
  POINTER_TABLE,
  PROGRAM_BYTES,
  Selector,
  SHARED,
  STACK_TOP,
  TABLES,
  TABLES_TABLE,
  TSS,
  TWIN_DISTANCE,
  TWIN_PHYSICAL,
  OTHER_DEMAND_TABLE,
  OTHER_DIRECTORY,
  OTHER_POINTER_TABLE,
} from './layout.ts'
import type { Random } from './random.ts'

/** How linear addresses become physical. 'large': the low range and its alias are single large pages. */
export type Paging = 'off' | 'small' | 'large'

export interface Environment {
  /** CPL 3, with handlers at CPL 0. */
  readonly user: boolean
  readonly paging: Paging
  /** Page-table entries of 8 bytes (CR4.PAE). */
  readonly pae: boolean
  readonly writeProtect: boolean
  readonly global: boolean
  /** A service changes between two address spaces. */
  readonly spaces: boolean
  /** What to add to an address of code or data for the same byte through other pages; 0 without paging. */
  readonly alias: number
  /** Linear address of the pages that come and go; behind them `twinOf` and `deviceOf`. */
  readonly demand: number
  /** Bases of FS and GS. */
  readonly fsBase: number
  readonly gsBase: number
  /** Segment registers are loaded in the main loop, and other code makes them something else. */
  readonly changesSegments: boolean
  /** The stack begins in a gap of the first page of code. */
  readonly stackInCode: boolean
  readonly timer: boolean
  readonly x87: boolean
  readonly sse: boolean
  /** EBX, ESI and EDI are pointers (pointers.ts). */
  readonly pointers: boolean
  readonly eflags: number
  /** Faults of user mode on unaligned data (CR0.AM and EFLAGS.AC). */
  readonly alignment: boolean
  /** Some functions are 16-bit code (sixteen.ts). */
  readonly sixteen: boolean
  /** Many accesses go to a page that is no RAM. */
  readonly devices: boolean
  /** A service sets a breakpoint on data. */
  readonly breakpoints: boolean
}

const STATUS_FLAGS = 0x8d5
const FIXED_FLAG = 2
const IOPL_SHIFT = 12
const NEAR = 0x40
const LAST_GIGABYTE = 0xc000_0000

/** In the low half and the high one; the last ends where linear addresses do. */
const aliases: Readonly<Record<Paging, readonly number[]>> = {
  off: [0],
  small: [0x40_0000, 0xc040_0000, 0x1_0000_0000 - STACK_TOP],
  large: [0x40_0000, 0xc040_0000],
}
const demands = [0x80_0000, 0xd080_0000] as const

/** Linear address of the page of code that is one of two. */
export function twinOf({ demand }: Environment): number {
  return demand + TWIN_DISTANCE
}

/** Linear address of a page that is no RAM. */
export function deviceOf({ demand }: Environment): number {
  return demand + DEVICE_DISTANCE
}

/** The environment of a seed's random numbers. */
export function randomEnvironment(random: Random): Environment {
  const user = random.oneIn(2)
  const paging = random.pick<Paging>(['off', 'small', 'small', 'small', 'small', 'large'])
  const timer = random.oneIn(2)
  const fsBase = random.oneIn(3) ? NEAR : random.word()
  return {
    user,
    paging,
    alias: random.pick(aliases[paging]),
    demand: random.pick(demands),
    pae: random.oneIn(3),
    writeProtect: !random.oneIn(4),
    global: random.oneIn(3),
    spaces: random.oneIn(3),
    // Near each other: what goes through the wrong one of them hits data all the same.
    fsBase,
    gsBase: random.pick([0, (fsBase + NEAR) >>> 0, (fsBase + NEAR) >>> 0, random.word()]),
    changesSegments: random.oneIn(4),
    stackInCode: random.oneIn(6),
    timer,
    x87: random.oneIn(3),
    pointers: random.oneIn(2),
    sse: random.oneIn(3),
    alignment: user && random.oneIn(12),
    breakpoints: random.oneIn(12),
    sixteen: random.oneIn(4),
    devices: random.oneIn(4),
    eflags: FIXED_FLAG | (random.word() & STATUS_FLAGS) | (timer ? Eflags.IF : 0) | (random.below(4) << IOPL_SHIFT),
  }
}

/** Bits of page-table entries (SDM vol. 3, table 4-6). */
export enum Entry {
  Present = 1 << 0,
  Writable = 1 << 1,
  User = 1 << 2,
  Accessed = 1 << 5,
  Dirty = 1 << 6,
  Large = 1 << 7,
  Global = 1 << 8,
}

/** Entry of everything that programs may use; handlers and tables leave out `User`. */
export const OPEN = Entry.Present | Entry.Writable | Entry.User
const CLOSED = Entry.Present | Entry.Writable
const READ_ONLY = Entry.Present
const USED = Entry.Accessed | Entry.Dirty

/** Bytes of an entry, and how many are in a table. */
export function entryBytes({ pae }: Environment): number {
  return pae ? 8 : 4
}

/** Physical address of the entry of a linear page in one of the tables. */
export function entryAddress(environment: Environment, table: number, linear: number): number {
  const size = entryBytes(environment)
  return table + ((linear >>> 12) & (PAGE / size - 1)) * size
}

const tableOrder = ['demand', 'alias', 'low'] as const

/** Where handlers find the entry of a page of the demand range, of the alias or, with small pages, of the low range. */
export function entryLinear(
  environment: Environment, linear: number, range: (typeof tableOrder)[number] = 'demand',
): number {
  const size = entryBytes(environment)
  return TABLES + PAGE * tableOrder.indexOf(range) + ((linear >>> 12) & (PAGE / size - 1)) * size
}

/** What an exclusive or with CR3 makes the other address space. */
export function otherSpace({ pae }: Environment): number {
  return pae ? POINTER_TABLE ^ OTHER_POINTER_TABLE : DIRECTORY ^ OTHER_DIRECTORY
}

class TableWriter {
  private readonly cpu: FuzzCpu
  private readonly environment: Environment

  constructor(cpu: FuzzCpu, environment: Environment) {
    this.cpu = cpu
    this.environment = environment
  }

  private directoryEntry(linear: number): number {
    const { pae } = this.environment
    if (!pae) return DIRECTORY + (linear >>> 22) * 4
    return (linear >= LAST_GIGABYTE ? HIGH_DIRECTORY : DIRECTORY) + ((linear >>> 21) & 0x1ff) * 8
  }

  map(table: number, linear: number, physical: number, bits: number, pages = 1): void {
    this.cpu.write32(this.directoryEntry(linear), table | OPEN | Entry.Accessed)
    for (let i = 0; i < pages; i++)
      this.cpu.write32(entryAddress(this.environment, table, linear + i * PAGE), (physical + i * PAGE) | bits)
  }

  /** The other space: the pages that come and go are all there, in another order, and the twin is the other one. */
  private buildOther(): void {
    const { cpu, environment } = this
    const { demand, pae } = environment
    const words = (from: number, to: number) => {
      for (let at = 0; at < PAGE; at += 4) cpu.write32(to + at, cpu.read32(from + at))
    }
    for (let i = 0; i < DEMAND_PAGES; i++) {
      const physical = DEMAND_PHYSICAL + (DEMAND_PAGES - 1 - i) * PAGE
      cpu.write32(entryAddress(environment, OTHER_DEMAND_TABLE, demand + i * PAGE), physical | OPEN | USED)
    }
    cpu.write32(entryAddress(environment, OTHER_DEMAND_TABLE, twinOf(environment)), TWIN_PHYSICAL[1] | OPEN | USED)
    cpu.write32(entryAddress(environment, OTHER_DEMAND_TABLE, deviceOf(environment)), DEVICE_PHYSICAL | OPEN)
    const directory = this.directoryEntry(demand) & -PAGE
    words(directory, OTHER_DIRECTORY)
    cpu.write32(OTHER_DIRECTORY + (this.directoryEntry(demand) - directory), OTHER_DEMAND_TABLE | OPEN | Entry.Accessed)
    if (!pae) return
    for (let i = 0; i < 8; i++) cpu.write32(OTHER_POINTER_TABLE + 4 * i, cpu.read32(POINTER_TABLE + 4 * i))
    cpu.write32(OTHER_POINTER_TABLE + (directory === HIGH_DIRECTORY ? 3 * 8 : 0), OTHER_DIRECTORY | Entry.Present)
  }

  large(linear: number, physical: number, bits: number): void {
    this.cpu.write32(this.directoryEntry(linear), physical | bits | Entry.Large)
  }

  build(): void {
    const { environment } = this
    const global = environment.global ? Entry.Global : 0
    if (environment.pae) {
      this.cpu.write32(POINTER_TABLE, DIRECTORY | Entry.Present)
      this.cpu.write32(POINTER_TABLE + 3 * 8, HIGH_DIRECTORY | Entry.Present)
    }
    if (environment.paging === 'large')
      for (const linear of [0, environment.alias]) this.large(linear, 0, OPEN | (linear === 0 ? global | USED : 0))
    else {
      this.map(LOW_TABLE, 0, 0, READ_ONLY | USED | global, CODE / PAGE)
      this.map(LOW_TABLE, IDT, IDT, CLOSED | USED | global)
      this.map(LOW_TABLE, HANDLERS, HANDLERS, READ_ONLY | Entry.Accessed | global, HANDLER_PAGES)
      this.map(LOW_TABLE, KERNEL_STACK, KERNEL_STACK, CLOSED | USED, 2)
      this.map(LOW_TABLE, SHARED, SHARED, OPEN | USED)
      this.map(LOW_TABLE, CODE, CODE, OPEN | global, PROGRAM_BYTES / PAGE)
      this.map(ALIAS_TABLE, environment.alias + CODE, CODE, OPEN, PROGRAM_BYTES / PAGE)
    }
    const { demand: first } = environment
    // An absent page, a read-only one, one that is not dirty yet and one that was never touched.
    const demand = [Entry.User, READ_ONLY | Entry.User | USED, OPEN | Entry.Accessed, OPEN]
    for (let i = 0; i < DEMAND_PAGES; i++)
      this.map(DEMAND_TABLE, first + i * PAGE, DEMAND_PHYSICAL + i * PAGE, demand[i % demand.length])
    this.map(DEMAND_TABLE, twinOf(environment), TWIN_PHYSICAL[0], OPEN)
    this.map(DEMAND_TABLE, deviceOf(environment), DEVICE_PHYSICAL, OPEN)
    this.map(TABLES_TABLE, TABLES, DEMAND_TABLE, CLOSED)
    this.map(TABLES_TABLE, TABLES + PAGE, ALIAS_TABLE, CLOSED)
    this.map(TABLES_TABLE, TABLES + 2 * PAGE, LOW_TABLE, CLOSED)
    if (environment.spaces) this.buildOther()
  }
}

const FLAT_LIMIT = 0xf_ffff
/** Above the limit, access and flags of a descriptor's second word (SDM vol. 3, 3.4.5). */
enum Descriptor {
  KernelCode = 0x00c0_9b00,
  KernelData = 0x00c0_9300,
  UserCode = 0x00c0_fb00,
  UserData = 0x00c0_f300,
  Task = 0x0000_8b00,
  /** Of bytes, not pages: 16-bit code, and data. */
  KernelCode16 = 0x0000_9b00,
  UserCode16 = 0x0000_fb00,
  UserData16 = 0x0000_f300,
}
const LIMITED = 0x7_ffff
const TASK_LIMIT = 0x67
const LIMIT_16 = 0xffff
const GDT_LIMIT = (Selector.Data16 | 7) as number
const IDT_LIMIT = 256 * 8 - 1

/** The two words of a descriptor. */
function descriptor(base: number, limit: number, kind: Descriptor): [number, number] {
  return [
    ((base << 16) | (limit & 0xffff)) >>> 0,
    ((base & 0xff00_0000) | kind | (limit & 0xf_0000) | ((base >>> 16) & 0xff)) >>> 0,
  ]
}

function loadDescriptors(cpu: FuzzCpu, environment: Environment): void {
  const entry = (selector: number, base: number, limit: number, kind: Descriptor) =>
    descriptor(base, limit, kind).forEach((word, i) => cpu.write32(GDT + (selector & ~7) + 4 * i, word))
  entry(Selector.KernelCode, 0, FLAT_LIMIT, Descriptor.KernelCode)
  entry(Selector.KernelData, 0, FLAT_LIMIT, Descriptor.KernelData)
  entry(Selector.UserCode, 0, FLAT_LIMIT, Descriptor.UserCode)
  entry(Selector.UserData, 0, FLAT_LIMIT, Descriptor.UserData)
  entry(Selector.Fs, environment.fsBase, FLAT_LIMIT, Descriptor.UserData)
  entry(Selector.Gs, environment.gsBase, FLAT_LIMIT, Descriptor.UserData)
  entry(Selector.Limited, 0, LIMITED, Descriptor.UserData)
  entry(Selector.Task, TSS, TASK_LIMIT, Descriptor.Task)
  entry(Selector.KernelCode16, CODE, LIMIT_16, Descriptor.KernelCode16)
  entry(Selector.UserCode16, CODE, LIMIT_16, Descriptor.UserCode16)
  entry(Selector.Data16, DATA, LIMIT_16, Descriptor.UserData16)
  cpu.write32(TSS + 4, KERNEL_STACK_TOP)
  cpu.write32(TSS + 8, Selector.KernelData)
  cpu.write32(TSS + 0x64, (TASK_LIMIT + 1) << 16)
}

/** Selectors of code and data in a program's privilege. */
export function selectorsOf({ user }: Environment): { code: number; data: number } {
  return user
    ? { code: Selector.UserCode, data: Selector.UserData }
    : { code: Selector.KernelCode, data: Selector.KernelData }
}

function setSegment(cpu: FuzzCpu, segment: Segment, selector: number, base: number, limit: number): void {
  const { core } = cpu
  const high = cpu.read32(GDT + (selector & ~7) + 4)
  core.set('segmentSelector', selector, segment)
  core.set('segmentBase', base | 0, segment)
  core.set('segmentLimit', limit, segment)
  core.set('segmentAccess', (high >>> 8) & 0xf0ff, segment)
}

/** Puts a CPU into an environment, all but EIP and the general registers. */
export function enterEnvironment(cpu: FuzzCpu, environment: Environment): void {
  const { core } = cpu
  loadDescriptors(cpu, environment)
  const { code, data } = selectorsOf(environment)
  setSegment(cpu, Segment.Cs, code, 0, -1)
  for (const segment of [Segment.Es, Segment.Ss, Segment.Ds]) setSegment(cpu, segment, data, 0, -1)
  setSegment(cpu, Segment.Fs, Selector.Fs, environment.fsBase, -1)
  setSegment(cpu, Segment.Gs, Selector.Gs, environment.gsBase, -1)
  setSegment(cpu, Segment.Tr, Selector.Task, TSS, TASK_LIMIT)
  core.set('gdtrBase', GDT)
  core.set('gdtrLimit', GDT_LIMIT)
  core.set('idtrBase', IDT)
  core.set('idtrLimit', IDT_LIMIT)
  core.set('cr0', Cr0.PE | Cr0.ET | Cr0.NE)
  core.exports.updateMode()
  let cr0 = Cr0.PE | Cr0.ET | Cr0.NE | (environment.writeProtect ? Cr0.WP : 0) | (environment.alignment ? Cr0.AM : 0)
  const vectors = environment.sse ? Cr4.OSFXSR | Cr4.OSXMMEXCPT : 0
  core.exports.writeControlRegister(4, vectors)
  if (environment.paging !== 'off') {
    new TableWriter(cpu, environment).build()
    core.exports.writeControlRegister(4, (environment.pae ? Cr4.PAE : 0) | Cr4.PSE | (environment.global ? Cr4.PGE : 0) | vectors)
    core.exports.writeControlRegister(3, environment.pae ? POINTER_TABLE : DIRECTORY)
    cr0 |= Cr0.PG
  }
  core.exports.writeControlRegister(0, cr0)
  core.set('cpl', environment.user ? 3 : 0)
  core.exports.setEflags(environment.eflags | (environment.alignment ? Eflags.AC : 0))
  core.set('gpr', STACK_AT_START, Gpr.Esp)
  core.exports.updateMode()
}

/** ESP until the main loop sets it. */
const STACK_AT_START = KERNEL_STACK_TOP
