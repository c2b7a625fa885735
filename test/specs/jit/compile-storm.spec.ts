/**
 * Hundreds of functions get hot at once while code is written, by the guest, by a device and while compiles are under
 * way; compiles arrive in any order and late. What is computed stays right, and the queue stays bounded.
 *
 *   f(i): LOOPS times rol ebx, 1; add ebx, imm(i)          main: calls all of them in turn, ROUNDS times
 *   every EDITOR-th function adds 1 to the immediate of another one first
 */
import { afterEach, describe, expect, it } from 'vitest'
import { compile } from '../../../jit/compile.ts'
import { type CompileOutcome, type Compiler, MOST_UNDER_WAY } from '../../../jit/region-manager.ts'
import { compileReady } from '../../../jit/worker/compile-service.ts'
import { CompilerGone, WorkerCompiler } from '../../../jit/worker/worker-compiler.ts'
import { ExitReason } from '../../../runtime/exits.ts'
import { Gpr } from '../../../runtime/state.ts'
import { threadStarter } from '../../../src/node/compiler.ts'
import { Random } from '../../../tools/fuzz/random.ts'
import { CompiledBench } from '../../engines/compiled-cpu.ts'
import { CODE, DATA } from '../cpu/bench.ts'

const FUNCTIONS = 600
const FUNCTION_BYTES = 32
const FIRST_FUNCTION = CODE + 0x1000
const EDITOR = 37
const LOOPS = 3
const ROUNDS = 30
const PIECE = 3000
const HEAT = 2
const MOST_PIECES = 5000
const SECONDS = 1000

const dword = (value: number) => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, (value >>> 24) & 0xff]
const addressOf = (index: number) => FIRST_FUNCTION + index * FUNCTION_BYTES
const isEditor = (index: number) => index % EDITOR === 0
/** inc dword [address] in front makes the others come later. */
const immediateOf = (index: number) => addressOf(index) + (isEditor(index) ? 6 : 0) + 9

/** The program and, beside it, what it computes. */
class Storm {
  readonly cpu: CompiledBench
  private readonly random: Random
  private readonly immediates: number[]
  private readonly edited: number[]

  constructor(compiler: Compiler, seed: number) {
    this.cpu = new CompiledBench(HEAT, compiler)
    this.random = new Random(seed)
    this.immediates = Array.from({ length: FUNCTIONS }, () => this.random.word())
    this.edited = Array.from({ length: FUNCTIONS }, () => this.random.below(FUNCTIONS))
    const { cpu } = this
    for (let i = 0; i < FUNCTIONS; i++) {
      const edit = isEditor(i) ? [0xff, 0x05, ...dword(immediateOf(this.edited[i]))] : []
      // mov ecx, LOOPS; rol ebx, 1; add ebx, imm; dec ecx; jne; ret
      cpu.write(addressOf(i), [
        ...edit,
        0xb9,
        ...dword(LOOPS),
        0xd1,
        0xc3,
        0x81,
        0xc3,
        ...dword(this.immediates[i]),
        0x49,
        0x75,
        0xf5,
        0xc3,
      ])
      cpu.write32(DATA + 4 * i, addressOf(i))
    }
    const end = DATA + 4 * FUNCTIONS
    cpu.load(
      `
      be ${hex(DATA)}       ; mov esi, 0x${DATA.toString(16)}
      ff 16                ; call dword [esi]
      83 c6 04             ; add esi, 0x4
      81 fe ${hex(end)}    ; cmp esi, 0x${end.toString(16)}
      75 f3                ; jne 0x10005
      4a                   ; dec edx
      75 eb                ; jne 0x10000
      f4                   ; hlt`,
    )
    cpu.set(Gpr.Edx, ROUNDS)
  }

  /** A device writes the immediate of a function that is not being called. */
  deviceWrite(): void {
    const { cpu } = this
    const current = (cpu.get(Gpr.Esi) - DATA) >> 2
    const index = this.random.below(FUNCTIONS)
    if (Math.abs(index - current) < 2) return
    const value = this.random.word()
    cpu.write32(immediateOf(index), value)
    this.writes.push({ round: ROUNDS - cpu.get(Gpr.Edx), current, index, value })
  }

  private readonly writes: { round: number; current: number; index: number; value: number }[] = []

  /** EBX at the end. */
  expected(): number {
    const values = [...this.immediates]
    let next = 0
    let ebx = 0
    for (let round = 0; round < ROUNDS; round++)
      for (let i = 0; i < FUNCTIONS; i++) {
        for (
          let write = this.writes[next];
          write && (write.round < round || (write.round === round && write.current < i));
          write = this.writes[++next]
        )
          values[write.index] = write.value
        if (isEditor(i)) values[this.edited[i]] = (values[this.edited[i]] + 1) >>> 0
        for (let n = 0; n < LOOPS; n++) ebx = (((ebx << 1) | (ebx >>> 31)) + values[i]) >>> 0
      }
    return ebx
  }

  /** Runs to the end; `between` is called between pieces. */
  async run(between: (piece: number) => Promise<void> | void): Promise<void> {
    for (let piece = 0; piece < MOST_PIECES; piece++) {
      const reason = this.cpu.run(PIECE)
      if (reason === ExitReason.Halt) return
      expect(reason).toBe(ExitReason.Budget)
      await between(piece)
    }
    expect.unreachable('no HLT')
  }
}

function hex(value: number): string {
  return dword(value)
    .map(byte => byte.toString(16).padStart(2, '0'))
    .join(' ')
}

describe('a compile storm', () => {
  it(
    'is right when everything is compiled at once',
    async () => {
      const storm = new Storm(compile, 1)
      await storm.run(() => storm.deviceWrite())
      expect(storm.cpu.get(Gpr.Ebx)).toBe(storm.expected())
      expect(storm.cpu.regions.stats.installed).toBeGreaterThan(FUNCTIONS / 2)
    },
    60 * SECONDS,
  )

  it(
    'is right when compiles arrive late and in any order, some not at all',
    async () => {
      const random = new Random(2)
      const waiting: { settle: () => void; due: number }[] = []
      let piece = 0
      let most = 0
      let under = 0
      const storm = new Storm(
        request =>
          new Promise<CompileOutcome>((resolve, reject) => {
            most = Math.max(most, ++under)
            // The compile sees the bytes of its request, however late it comes.
            const settle = () => {
              under--
              if (random.oneIn(20)) reject(new Error('not this one'))
              else resolve(compile(request))
            }
            waiting.push({ settle, due: piece + random.below(6) })
          }),
        3,
      )
      await storm.run(async now => {
        piece = now
        storm.deviceWrite()
        for (let i = waiting.length - 1; i >= 0; i--) if (waiting[i].due <= piece) waiting.splice(i, 1)[0].settle()
        await new Promise<void>(resolve => setImmediate(resolve))
      })
      expect(storm.cpu.get(Gpr.Ebx)).toBe(storm.expected())
      const { stats } = storm.cpu.regions
      expect(stats.installed).toBeGreaterThan(10)
      expect(stats.failed).toBeGreaterThan(0)
      expect(most).toBeLessThanOrEqual(MOST_UNDER_WAY)
    },
    60 * SECONDS,
  )

  describe('in a thread', () => {
    let compiler: WorkerCompiler
    afterEach(() => compiler.dispose())

    it(
      'is right however the thread is scheduled',
      async () => {
        compiler = new WorkerCompiler(threadStarter(new URL('../../../build/compile-worker.js', import.meta.url)))
        const storm = new Storm(request => compiler.compile(request), 4)
        await storm.run(async () => {
          storm.deviceWrite()
          await new Promise<void>(resolve => setTimeout(resolve, 1))
        })
        expect(storm.cpu.get(Gpr.Ebx)).toBe(storm.expected())
        expect(storm.cpu.regions.stats.installed).toBeGreaterThan(10)
      },
      60 * SECONDS,
    )
  })

  it(
    'is right when the compiler goes away in the middle of it',
    async () => {
      let left = 40
      const storm = new Storm(
        request => (left-- > 0 ? Promise.resolve(compileReady(request)) : Promise.reject(new CompilerGone('gone'))),
        5,
      )
      await storm.run(async () => {
        storm.deviceWrite()
        await new Promise<void>(resolve => setImmediate(resolve))
      })
      expect(storm.cpu.get(Gpr.Ebx)).toBe(storm.expected())
      expect(storm.cpu.regions.stats.requested).toBeLessThan(40 + 2 * MOST_UNDER_WAY)
    },
    60 * SECONDS,
  )
})
