/**
 * The code behind the exception vectors of random programs, at CPL 0. Every entry is summed up in a log, registers,
 * error code and all, so that an engine that delivers a fault with anything wrong ends with another sum.
 *
 *   page fault in a page that comes and goes: it is put right, and the instruction repeated
 *   timer, and the service that programs call: on
 *   debug trap: no more of them, and on
 *   everything else: on at [RESUME] if the program has put an address there, else with the main loop
 */
import { Eflags, Gpr, Vector } from '../../runtime/state.ts'
import { absolute, type Item, type Label, type Piece, relative, word32 } from './assembly.ts'
import {
  Arithmetic,
  at,
  fromStack,
  immediate,
  increment,
  load,
  onStack,
  Op,
  set,
  store,
  toMemory,
  toStack,
} from './encode.ts'
import { Entry, type Environment, entryBytes, entryLinear, selectorsOf, twinOf } from './environment.ts'
import {
  CODE,
  DEMAND_PAGES,
  EVENTS,
  KERNEL_STACK_TOP,
  LOG,
  PAGE,
  PROGRAM_BYTES,
  RECOVERIES,
  RESUME,
  SERVICE_VECTOR,
  STACK_TOP,
  TIMER_VECTOR,
} from './layout.ts'

/** Labels of the handlers' code; those of the main loop and programs come behind. */
export enum Fixed {
  Common,
  PageFault,
  TryAlias,
  Mend,
  Debug,
  Unit,
  Sysenter,
  Service,
  Return,
  Recover,
  Restart,
  Main,
  FirstVector,
}

/** Label of a vector's entry. */
export function vectorLabel(vector: number): Label {
  return Fixed.FirstVector + vector
}

/** First label that is free for programs. */
export const FIRST_FREE_LABEL = Fixed.FirstVector + 256

export const vectors: readonly number[] = [...Array.from({ length: 20 }, (_, i) => i), TIMER_VECTOR, SERVICE_VECTOR]

const codeVectors: readonly number[] = [Vector.DF, Vector.TS, Vector.NP, Vector.SS, Vector.GP, Vector.PF, Vector.AC]

/** What lies on the stack of a handler: PUSHA, vector, error code, EIP, CS, EFLAGS, and ESP, SS from CPL 3. */
enum Frame {
  Edi = 0,
  Eax = 28,
  VectorNumber = 32,
  ErrorCode = 36,
  Eip = 40,
  Cs = 44,
  Flags = 48,
  Esp = 52,
}

const PUSHA = 0x60
const POPA = 0x61
const IRET = 0xcf
const PUSH_DWORD = 0x68
const JMP = 0xe9
const JE = [0x0f, 0x84] as const
const JAE = [0x0f, 0x83] as const
const JNE = [0x0f, 0x85] as const
const CMP_EAX = 0x3d
const SHR_EAX = [0xc1, 0xe8] as const
const XOR = 0x33
const ROL_ESI_5 = [0xc1, 0xc6, 5] as const
// In SS, which is flat whatever the program has made of DS.
const INVLPG_AT_ECX = [0x36, 0x0f, 0x01, 0x39] as const
const CLTS = [0x0f, 0x06] as const
const STI = 0xfb
const SYSEXIT = [0x0f, 0x35] as const
const MOV_EAX_CR2 = [0x0f, 0x20, 0xd0] as const
const MOV_ECX_EAX = [0x89, 0xc1] as const

function push(value: number | Piece): Piece[] {
  return [PUSH_DWORD, ...(typeof value === 'number' ? word32(value) : [value])]
}

/** Entries of the vectors: all leave an error code, theirs or 0, and their number. */
function entries(): Item[] {
  return vectors.map(vector => ({
    labels: [vectorLabel(vector)],
    code: [...(codeVectors.includes(vector) ? [] : push(0)), ...push(vector), JMP, relative(Fixed.Common)],
  }))
}

/** Sums the frame up in LOG: sum = (sum rotated by 5) ^ word, over every word of it. */
function common(environment: Environment): Item[] {
  const words = (environment.user ? Frame.Esp + 4 : Frame.Esp) / 4
  const dispatch = (vector: number, label: Label): Item => ({
    labels: [],
    code: [...immediate(Arithmetic.Cmp, Gpr.Eax, vector), ...JE, relative(label)],
  })
  return [
    { labels: [Fixed.Common], code: [PUSHA] },
    { labels: [], code: [...increment(EVENTS), ...load(Op.Mov, Gpr.Esi, LOG)] },
    // Without a loop: most of what runs should be the programs' own.
    ...Array.from({ length: words }, (_, i) => ({ labels: [], code: [...ROL_ESI_5, XOR, ...onStack(Gpr.Esi, 4 * i)] })),
    { labels: [], code: [...store(LOG, Gpr.Esi), ...fromStack(Gpr.Eax, Frame.VectorNumber)] },
    dispatch(Vector.PF, Fixed.PageFault),
    dispatch(TIMER_VECTOR, Fixed.Return),
    dispatch(SERVICE_VECTOR, Fixed.Service),
    dispatch(Vector.DB, Fixed.Debug),
    dispatch(Vector.NM, Fixed.Unit),
    { labels: [], code: [JMP, relative(Fixed.Recover)] },
    { labels: [Fixed.Return], code: [POPA, ...[0x83, 0xc4, 8], IRET] },
    // The unit that was taken away is there again.
    { labels: [Fixed.Unit], code: [...CLTS, JMP, relative(Fixed.Return)] },
    {
      labels: [Fixed.Debug],
      code: [0x81, ...onStack(Arithmetic.And, Frame.Flags), ...word32(~Eflags.TF), JMP, relative(Fixed.Return)],
    },
  ]
}

/** or dword [eax * size + table], bits. */
function orEntry(environment: Environment, table: number, bits: number): Piece[] {
  const scale = entryBytes(environment) === 8 ? 3 : 2
  return [0x83, 0x0c, (scale << 6) | (Gpr.Eax << 3) | 5, ...word32(table), bits]
}

function pageFault(environment: Environment): Item[] {
  const table = entryLinear(environment, environment.demand)
  const aliasTable = entryLinear(environment, environment.alias + CODE, 'alias')
  const mend = Entry.Present | Entry.Writable | Entry.User
  const alias = environment.paging === 'small'
  return [
    {
      labels: [Fixed.PageFault],
      code: [...MOV_EAX_CR2, ...MOV_ECX_EAX, ...immediate(Arithmetic.Sub, Gpr.Eax, environment.demand)],
    },
    {
      labels: [],
      code: [CMP_EAX, ...word32(DEMAND_PAGES * PAGE), ...JAE, relative(alias ? Fixed.TryAlias : Fixed.Recover)],
    },
    { labels: [], code: [...SHR_EAX, 12, ...orEntry(environment, table, mend), JMP, relative(Fixed.Mend)] },
    ...(alias
      ? [
          {
            labels: [Fixed.TryAlias],
            code: [...MOV_EAX_CR2, ...immediate(Arithmetic.Sub, Gpr.Eax, environment.alias + CODE)],
          },
          { labels: [], code: [CMP_EAX, ...word32(PROGRAM_BYTES), ...JAE, relative(Fixed.Recover)] },
          { labels: [], code: [...SHR_EAX, 12, ...orEntry(environment, aliasTable, mend)] },
        ]
      : []),
    { labels: [Fixed.Mend], code: [...INVLPG_AT_ECX, JMP, relative(Fixed.Return)] },
  ]
}

/** Goes on behind a fault at [RESUME], or from the start of the main loop with a stack made anew. */
function recover(environment: Environment): Item[] {
  const { code, data } = selectorsOf(environment)
  const interrupts = environment.timer ? Eflags.IF : 0
  return [
    {
      labels: [Fixed.Recover],
      code: [
        ...increment(RECOVERIES),
        ...load(Op.Mov, Gpr.Eax, RESUME),
        ...immediate(Arithmetic.Cmp, Gpr.Eax, 0),
        ...JE,
        relative(Fixed.Restart),
      ],
    },
    // A fault of a handler itself comes from CPL 0 and must not go on in the program.
    {
      labels: [],
      code: [
        ...fromStack(Gpr.Ecx, Frame.Cs),
        ...immediate(Arithmetic.Cmp, Gpr.Ecx, code),
        ...JNE,
        relative(Fixed.Restart),
      ],
    },
    {
      labels: [],
      code: [...toStack(Frame.Eip, Gpr.Eax), ...toMemory(Arithmetic.And, RESUME, 0), JMP, relative(Fixed.Return)],
    },
    { labels: [Fixed.Restart], code: [...toMemory(Arithmetic.And, RESUME, 0), ...set(Gpr.Esp, KERNEL_STACK_TOP)] },
    {
      labels: [],
      code: [
        ...(environment.user ? [...push(data), ...push(STACK_TOP)] : []),
        ...push(2 | interrupts),
        ...push(code),
        ...push(absolute(Fixed.Main)),
        IRET,
      ],
    },
  ]
}

/** All handlers. `services` is what the service does, a list of items that fall through. */
export function handlers(environment: Environment, services: readonly Item[]): Item[] {
  return [
    ...entries(),
    ...common(environment),
    ...pageFault(environment),
    ...recover(environment),
    // What SYSENTER goes to, with the address to return to in EDX, and ESP in ECX.
    {
      labels: [Fixed.Sysenter],
      code: [...increment(EVENTS), ...(environment.timer ? [STI] : []), ...SYSEXIT],
    },
    { labels: [Fixed.Service], code: [] },
    ...services,
    { labels: [], code: [JMP, relative(Fixed.Return)] },
  ]
}

/** Flushes the translation of a linear page: invlpg ss:[linear]. */
export function invalidate(linear: number): Piece[] {
  return [0x36, 0x0f, 0x01, ...at(7, linear)]
}

/** Pages whose entries services may change. */
export function gamePages(environment: Environment): number[] {
  return [...Array.from({ length: DEMAND_PAGES }, (_, i) => environment.demand + i * PAGE), twinOf(environment)]
}
