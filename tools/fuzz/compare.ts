/**
 * Runs a random program on the interpreter and compiled, some also in single steps with cold caches, stops all at the
 * same random places, and compares what a guest can see: registers, system registers, flags, instruction counts,
 * accesses to devices, and RAM.
 */
import type { CompiledCode } from '../../jit/compile.ts'
import type { CompileOutcome, Compiler } from '../../jit/region-manager.ts'
import { ExitReason } from '../../runtime/exits.ts'
import { stateFields } from '../../runtime/state.ts'
import { hiddenFields } from '../lockstep/stepped-machine.ts'
import { compileAltered } from './altered-compile.ts'
import { CompileCache } from './compile-cache.ts'
import { FuzzCpu } from './fuzz-cpu.ts'
import { BUSY_BYTES, HANDLER_PAGES, HANDLERS, PAGE, RAM_BYTES } from './layout.ts'
import { loadProgram } from './loader.ts'
import { alterationOf, type DeviceWrite, type Plan } from './plan.ts'
import type { Program } from './program.ts'
import type { Assembled } from './assembly.ts'

const SHOWN_BYTES = 12

/** What became of a program. */
export interface Comparison {
  /** Lines that say where they differ; none when they do not. */
  readonly differences: readonly string[]
  /** Index of the piece behind which they do. */
  readonly piece: number
  readonly instructions: number
  readonly regions: number
}

type Request = Parameters<Compiler>[0]

/** Puts something between the JIT and its compiler. */
export type WrapCompiler = (
  compiler: (request: Request) => CompiledCode | undefined,
) => (request: Request) => CompiledCode | undefined

/** A compiler whose results arrive when `deliver` is called. */
class LateCompiler {
  private queue: (() => void)[] = []
  private readonly inner: (request: Request) => CompileOutcome

  constructor(inner: (request: Request) => CompileOutcome) {
    this.inner = inner
  }

  readonly compiler: Compiler = request =>
    new Promise<CompileOutcome>((resolve, reject) => {
      this.queue.push(() => {
        try {
          resolve(this.inner(request))
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)))
        }
      })
    })

  async deliver(): Promise<void> {
    const { queue } = this
    if (queue.length === 0) return
    this.queue = []
    for (const settle of queue) settle()
    // The manager installs in reactions to the promises, and may ask for more in reactions to those.
    await new Promise<void>(resolve => setImmediate(resolve))
  }
}

const hex = (value: number, digits = 8) => (value >>> 0).toString(16).padStart(digits, '0')

/** Name and index in words of every state field that a guest can see. */
const visibleWords: readonly (readonly [string, number])[] = Object.values(stateFields).flatMap(
  ({ name, address, bytes, count }) =>
    hiddenFields.has(name)
      ? []
      : Array.from({ length: (bytes * count) >> 2 }, (_, i) => [`${name}+${i * 4}`, (address >> 2) + i] as const),
)

/** Whether a linear address is in the handlers. */
function isHandler(linear: number): boolean {
  return linear >= HANDLERS && linear < HANDLERS + HANDLER_PAGES * PAGE
}

/** A CPU and what its way to run is called. */
interface Engine {
  readonly name: string
  readonly cpu: FuzzCpu
}

/** Where two engines differ, as lines; of RAM the first bytes are compared. */
function differencesOf(one: Engine, other: Engine, ramBytes: number): string[] {
  const [a, b] = [one.cpu, other.cpu]
  const lines: string[] = []
  const expect = (name: string, left: number, right: number, digits = 8) => {
    if (left === right) return
    lines.push(`${name.padEnd(20)} ${one.name} ${hex(left, digits)}  ${other.name} ${hex(right, digits)}`)
  }
  for (const [name, word] of visibleWords) expect(name, a.core.words[word], b.core.words[word])
  expect('eflags', a.core.exports.getEflags(), b.core.exports.getEflags())
  expect('retired', a.retired, b.retired)
  expect('device accesses', a.accesses, b.accesses)
  expect('their digest', a.accessDigest, b.accessDigest)
  const [left, right] = [a, b].map(({ core }) => core.ram.subarray(0, ramBytes))
  if (Buffer.compare(left, right) !== 0)
    for (let at = 0, shown = 0; at < ramBytes && shown < SHOWN_BYTES; at++)
      if (left[at] !== right[at]) {
        expect(`[${hex(at, 5)}]`, left[at], right[at], 2)
        shown++
      }
  return lines
}

/** CPUs that run one program after another: interpreted, compiled and, if the plan says so, in single steps. */
export class Comparer {
  private readonly interpreted = new FuzzCpu()
  private readonly compiled = new FuzzCpu()
  /** Made when it is first wanted. */
  private stepped: FuzzCpu | undefined
  private readonly wrapCompiler: WrapCompiler
  /** Compiles so far; what was known from another variant is none. */
  compiles = 0
  private readonly cache = new CompileCache((from, to) => this.compiled.copyRecords(from, to))
  /** What the cache holds regions of: items of a program, and those parts of its plan that compiling depends on. */
  private compiledFor: readonly unknown[] = []

  constructor(wrapCompiler: WrapCompiler = compiler => compiler) {
    this.wrapCompiler = wrapCompiler
  }

  /** Forgets what has been compiled, unless it was for the same code and in the same way. */
  private forgetOther({ items }: Program, { limits, missEvery, seldomEvery, poison, off }: Plan, family: boolean): void {
    const way = [items, limits, missEvery, seldomEvery, poison, off]
    if (way.every((each, i) => each === this.compiledFor[i])) return
    this.compiledFor = way
    this.cache.clear()
    this.compiled.cache.handledRecords.begin(family)
  }

  /** Writes to code as a device does. */
  private deviceWrite(
    cpus: readonly FuzzCpu[], { patchable }: Program, { labels }: Assembled, { index, value }: DeviceWrite,
  ): void {
    if (patchable.length === 0) return
    const { label, offset, mask } = patchable[index % patchable.length]
    const place = (labels.get(label) as number) + offset
    for (const cpu of cpus) cpu.write(place, [mask === 0 ? value : cpu.core.ram[place] ^ mask])
  }

  private steppedCpu(program: Program): FuzzCpu {
    this.stepped ??= new FuzzCpu()
    this.stepped.reset()
    loadProgram(this.stepped, program)
    return this.stepped
  }

  /** Runs a program in all ways; one of a `family` may have regions that were compiled for another variant. */
  async compare(program: Program, plan: Plan, family = false): Promise<Comparison> {
    const { interpreted, compiled } = this
    const alteration = alterationOf(plan)
    const altered = this.wrapCompiler(request => {
      this.compiles++
      return compileAltered(request, alteration)
    })
    let fault: string | undefined
    const limited = (request: Request): CompileOutcome => {
      if (!plan.handlers && isHandler(request.entry)) return undefined
      try {
        return family ? this.cache.compiled(request, altered) : altered(request)
      } catch (error) {
        fault ??= error instanceof Error ? (error.stack ?? error.message) : String(error)
        return undefined
      }
    }
    const late = new LateCompiler(limited)
    interpreted.reset()
    this.forgetOther(program, plan, family)
    compiled.reset({ compiler: plan.late ? late.compiler : limited, heatThreshold: plan.heatThreshold })
    const code = loadProgram(interpreted, program)
    loadProgram(compiled, program)
    const stepped = plan.stepped ? this.steppedCpu(program) : undefined
    const cpus = stepped ? [interpreted, compiled, stepped] : [interpreted, compiled]
    const reference: Engine = { name: 'interpreted', cpu: interpreted }
    let installed = 0
    if (plan.mostRegions === 0) compiled.core.set('heatThreshold', 0)
    for (const [piece, { instructions, timer, write }] of plan.pieces.entries()) {
      const left = interpreted.run(instructions)
      const right = compiled.run(instructions)
      const last = left !== ExitReason.Budget || piece === plan.pieces.length - 1
      const ramBytes = last ? RAM_BYTES : BUSY_BYTES
      const differences = differencesOf(reference, { name: 'compiled', cpu: compiled }, ramBytes)
      const stops = [left, right]
      if (stepped && differences.length === 0) {
        stops.push(stepped.stepThrough(instructions))
        differences.push(...differencesOf(reference, { name: 'stepped', cpu: stepped }, ramBytes))
      }
      if (stops.some(stop => stop !== left))
        differences.unshift(`stopped: ${stops.map(stop => ExitReason[stop]).join(', ')} (interpreted, compiled, stepped)`)
      if (fault) differences.unshift(`a region cannot be compiled: ${fault}`)
      installed = compiled.regions?.stats.installed ?? 0
      if (differences.length > 0) return { differences, piece, instructions: interpreted.retired, regions: installed }
      if (last && left !== ExitReason.Halt) break
      compiled.regions?.review()
      if (installed >= plan.mostRegions) compiled.core.set('heatThreshold', 0)
      if (timer && program.environment.timer) for (const cpu of cpus) cpu.raiseTimer()
      if (write) this.deviceWrite(cpus, program, code, write)
      if (plan.late) await late.deliver()
    }
    return { differences: [], piece: -1, instructions: interpreted.retired, regions: installed }
  }
}
