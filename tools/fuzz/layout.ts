/**
 * Where everything of a random program is, physical and linear, and how its page tables are numbered.
 *
 *   physical 0x1000 IDT, GDT, TSS   0x2000 handlers   0x4000 their stack   0x5000 their data   0x6000 counters of programs
 *            0x8000 page tables     0x10000 code      0x20000 data         0x28000 stack       0x30000 demand pages, twins
 *
 *   linear   n: n itself, by pages of 4 KiB or a large one      environment.alias + n: n again
 *            environment.demand: pages that come and go, one of two pages of code, and no RAM
 *            TABLES: page tables, for the handlers
 */
export const PAGE = 0x1000
export const RAM_BYTES = 1 << 20
/** What a program normally touches; beyond are only what stray stores hit. */
export const BUSY_BYTES = 0x4_0000

export const IDT = 0x1000
export const GDT = 0x1800
export const TSS = 0x1900
export const HANDLERS = 0x2000
export const HANDLER_PAGES = 2
export const KERNEL_STACK = 0x4000
export const KERNEL_STACK_TOP = 0x5000
/** Data of the handlers: a running sum over everything that they were entered with, and how often they gave up. */
export const LOG = 0x5000
export const RECOVERIES = 0x5004
export const EVENTS = 0x5008

/** Data of programs apart from what random operands hit. */
export const SHARED = 0x6000
export const ROUNDS = SHARED
/** Where to go on behind an instruction that faults; 0: with the main loop. */
export const RESUME = SHARED + 4
export const DEPTH = SHARED + 8
/** ESP and the address for a jump out of any depth of calls. */
export const ESCAPE = SHARED + 0x10
export const LOOP_COUNTERS = SHARED + 0x40
export const LOOP_COUNTERS_COUNT = 16
export const FUNCTION_TABLE = SHARED + 0x100

/** Page directory; with PAE its four entries each have a quarter of it in use. */
export const DIRECTORY = 0x8000
/** The directory of the last gigabyte, with PAE. */
export const HIGH_DIRECTORY = 0xd000
export const POINTER_TABLE = 0xf000
/** A second address space, which has the demand range elsewhere: its directory, or with PAE the one that differs. */
export const OTHER_DIRECTORY = 0xe000
export const OTHER_POINTER_TABLE = POINTER_TABLE + 0x20
export const OTHER_DEMAND_TABLE = 0x7000
/** Page tables of the low range, of its alias, of the demand range and of the tables themselves. */
export const LOW_TABLE = 0x9000
export const ALIAS_TABLE = 0xa000
export const DEMAND_TABLE = 0xb000
export const TABLES_TABLE = 0xc000

export const CODE = 0x1_0000
export const CODE_BYTES = 0x1_0000
/** In the last two pages of code: where programs write code of their own, and the main loop. */
export const WRITTEN_CODE = CODE + 0xe000
export const MAIN = CODE + 0xf000
/** A stack in a page of code: it begins here, and code behind it. */
export const STACK_IN_CODE = CODE + 0x500
export const DATA = 0x2_0000
export const DATA_BYTES = 0x8000
/** Value of EBP, in the middle of the data, and how far operands reach on either side. */
export const DATA_POINTER = DATA + 0x4000
export const DATA_REACH = 0x3f00
export const STACK_TOP = 0x3_0000
/** From the first byte of code to the last of the stack: what is there twice. */
export const PROGRAM_BYTES = STACK_TOP - CODE

export const DEMAND_PHYSICAL = 0x3_0000
export const DEMAND_PAGES = 4
export const TWIN_PHYSICAL = [0x3_4000, 0x3_5000] as const

/** From the first page that comes and goes to the pages of code that take turns, and to what is no RAM. */
export const TWIN_DISTANCE = 0x1_0000
export const DEVICE_DISTANCE = 0x2_0000
export const DEVICE_PHYSICAL = 0xf0_0000
export const TABLES = 0xc0_0000

export const TIMER_VECTOR = 0x20
export const SERVICE_VECTOR = 0x80

/** Entries of the GDT. */
export enum Selector {
  KernelCode = 0x08,
  KernelData = 0x10,
  UserCode = 0x1b,
  UserData = 0x23,
  /** FS and GS of programs: flat but for their base. */
  Fs = 0x2b,
  Gs = 0x33,
  /** Data with base 0 that ends below 2 GiB: the same bytes, but no longer flat. */
  Limited = 0x3b,
  Task = 0x40,
  /** 16-bit code from CODE on, and data from DATA on, of 64 KiB (sixteen.ts). */
  KernelCode16 = 0x48,
  UserCode16 = 0x53,
  Data16 = 0x5b,
}
