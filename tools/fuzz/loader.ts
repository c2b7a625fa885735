/** Puts a random program into a CPU, ready to run: its environment, handlers, code, data and main loop. */
import { Gpr, Segment } from '../../runtime/state.ts'
import { type Assembled, assemble, type Item, type Label, type Piece, relative, word32 } from './assembly.ts'
import { at, increment, loadSegment, set } from './encode.ts'
import { enterEnvironment, type Environment, selectorsOf, twinOf } from './environment.ts'
import type { FuzzCpu } from './fuzz-cpu.ts'
import { Fixed, handlers, vectorLabel, vectors } from './handlers.ts'
import {
  DATA,
  DATA_POINTER,
  DEPTH,
  ESCAPE,
  FUNCTION_TABLE,
  HANDLERS,
  IDT,
  KERNEL_STACK_TOP,
  MAIN,
  ROUNDS,
  Selector,
  SERVICE_VECTOR,
  STACK_IN_CODE,
  STACK_TOP,
  TWIN_PHYSICAL,
} from './layout.ts'
import { FUNCTIONS, type Program } from './program.ts'

const HLT = 0xf4
const INT3 = 0xcc
const MOST_DEPTH = 4
const INTERRUPT_GATE = 0x8e00
const USER_GATE = 0xee00
/** Rounds of the main loop between two calls of the service, less one: it must be a power of two. */
const SERVICE_MASK = 1
const FNINIT = [0xdb, 0xe3] as const

/** Where a program's stack begins. */
function stackOf({ stackInCode }: Environment): number {
  return stackInCode ? STACK_IN_CODE : STACK_TOP
}

/** The main loop: stack and data pointer made anew, the service now and then, the next function. */
function mainLoop(environment: Environment): Item[] {
  const { data } = selectorsOf(environment)
  const segments: Piece[] = environment.changesSegments || environment.sixteen
    ? [
        ...[Segment.Ds, Segment.Es].flatMap(segment => loadSegment(segment, data)),
        ...loadSegment(Segment.Fs, Selector.Fs),
        ...loadSegment(Segment.Gs, Selector.Gs),
      ]
    : []
  return [
    {
      labels: [Fixed.Main],
      code: [...segments, ...set(Gpr.Esp, stackOf(environment)), ...set(Gpr.Ebp, DATA_POINTER), ...increment(ROUNDS)],
    },
    // mov dword [DEPTH], n: so often functions may call themselves.
    {
      labels: [],
      code: [0xc7, ...at(0, DEPTH), ...word32(MOST_DEPTH)],
    },
    // test byte [ROUNDS], mask; jne over INT
    {
      labels: [],
      code: [...(environment.x87 ? FNINIT : []), 0xf6, ...at(0, ROUNDS), SERVICE_MASK, 0x75, 2, 0xcd, SERVICE_VECTOR],
    },
    // mov ebx, [ROUNDS]; and ebx, FUNCTIONS - 1; call [ebx * 4 + FUNCTION_TABLE]
    {
      labels: [],
      code: [
        0x8b,
        ...at(Gpr.Ebx, ROUNDS),
        0x83,
        0xe3,
        FUNCTIONS - 1,
        0xff,
        0x14,
        0x9d,
        ...word32(FUNCTION_TABLE),
        0xe9,
        relative(Fixed.Main),
      ],
    },
  ]
}

/** Loads a program into a CPU that has been reset; where its items are. */
export function loadProgram(cpu: FuzzCpu, program: Program): Assembled {
  const { environment } = program
  const { core } = cpu
  enterEnvironment(cpu, environment)
  const code = assemble(program.items, program.start, INT3, [[Fixed.Main, MAIN]])
  const system = assemble(handlers(environment, program.services), HANDLERS, HLT, code.labels)
  const main = assemble(mainLoop(environment), MAIN, INT3)
  cpu.write(HANDLERS, system.bytes)
  cpu.write(MAIN, main.bytes)
  for (const vector of vectors) {
    const entry = system.labels.get(vectorLabel(vector)) as number
    cpu.write32(IDT + vector * 8, (Selector.KernelCode << 16) | (entry & 0xffff))
    cpu.write32(IDT + vector * 8 + 4, (entry & 0xffff_0000) | (vector === SERVICE_VECTOR ? USER_GATE : INTERRUPT_GATE))
  }
  core.set('sysenterCs', Selector.KernelCode)
  core.set('sysenterEsp', KERNEL_STACK_TOP)
  core.set('sysenterEip', system.labels.get(Fixed.Sysenter) as number)
  cpu.write(program.start, code.bytes)
  cpu.write(DATA, program.data)
  program.twins.forEach((items, i) => {
    const twin = assemble(items, twinOf(environment) + program.twinOffset, INT3, code.labels)
    cpu.write(TWIN_PHYSICAL[i] + program.twinOffset, twin.bytes)
  })
  const place = (label: Label) => code.labels.get(label) as number
  program.functions.forEach((label, i) =>
    cpu.write32(FUNCTION_TABLE + i * 4, place(label) + (program.aliased[i] ? environment.alias : 0)),
  )
  cpu.write32(ESCAPE, stackOf(environment))
  cpu.write32(ESCAPE + 4, MAIN)
  program.registers.forEach((value, i) => core.set('gpr', value | 0, i))
  core.set('gpr', stackOf(environment), Gpr.Esp)
  core.set('gpr', DATA_POINTER, Gpr.Ebp)
  core.set('eip', MAIN)
  return code
}
