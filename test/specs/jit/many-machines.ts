/**
 * The program of many-machines.spec.ts, a process of its own: makes machines one after the other, runs a guest that
 * gets hot in each, disposes of them, and prints what the process holds, as JSON.
 *
 *     node --expose-gc --import tsx many-machines.ts COUNT
 *
 * Most compile in their own thread and run their guest to the end; every fifth compiles in a thread beside it, which
 * starts and ends with it, and is disposed of in the middle, while compiles are under way.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { loadKernel } from '../../../src/loaders/kernel.ts'
import { createMachine } from '../../../src/node/machine.ts'
import { dword, movEax, multibootKernel, powerOff } from '../machine/kernels.ts'

const MEMORY_BYTES = 32 * 2 ** 20
const HEAT = 2
/** Machines before the first figure: by then all that is kept once, for all machines, is there. */
const FIRST = 20
const LOOPS = 40
const ROUNDS = 50
const BURST = 10

/** mov ecx, ROUNDS; loop: add eax, n; rol eax, 1; dec ecx; jne loop. */
function hotLoop(n: number): number[] {
  return [0xb9, ...dword(ROUNDS), 0x05, ...dword(n), 0xd1, 0xc0, 0x49, 0x75, 0xf6]
}

/** Full garbage collection, which --expose-gc gives. */
function collect(): void {
  const { gc } = globalThis as { gc?: () => void }
  if (!gc) throw new Error('start me with --expose-gc')
  gc()
}

async function settle(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    collect()
    await pause(10)
  }
}

/** A machine from start to end; regions that it has installed. */
async function oneMachine(kernel: Uint8Array, jit: true | 'sync'): Promise<number> {
  const memoryBytes = MEMORY_BYTES
  const machine = createMachine({
    memoryBytes,
    clock: 'virtual',
    jit,
    heatThreshold: HEAT,
    boot: loadKernel({ kernel, memoryBytes }),
  })
  const installed = () => machine.stats().regions?.installed ?? 0
  try {
    while (jit === 'sync' || installed() === 0) {
      const result = machine.run(1)
      if (result.state === 'stopped' && result.reason === 'power-off') break
      if (result.state !== 'running') throw new Error(`the guest is ${JSON.stringify(result)}`)
      await pause(0)
    }
    return installed()
  } finally {
    machine.dispose()
  }
}

/** A guest of hot loops, gone through `times` times before it powers off. */
function guest(times: number): Uint8Array {
  const body = Array.from({ length: LOOPS }, (_, i) => hotLoop(i * 7 + 1)).flat()
  // mov esi, times; mov eax, 1; body: …; dec esi; jne body
  return multibootKernel(
    [0xbe, ...dword(times)],
    movEax(1),
    body,
    [0x4e, 0x0f, 0x85, ...dword(-(body.length + 7))],
    powerOff,
  )
}

function figures(): { heap: number; external: number; resident: number } {
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage()
  return { heap: heapUsed, external: external + arrayBuffers, resident: rss }
}

/** Of so many machines one has a thread. */
const KINDS = 5
const short = guest(2)
const long = guest(1_000_000)
let installed = 0
async function machines(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    installed += i % KINDS === 0 ? await oneMachine(long, true) : await oneMachine(short, 'sync')
    // Memories reserve address space; a host that makes machines in bursts collects in between, too.
    if (i % BURST === BURST - 1) await settle()
  }
}

await machines(FIRST)
await settle()
const before = figures()
await machines(Number(process.argv[2]))
await settle()
process.stdout.write(JSON.stringify({ installed, before, after: figures() }))
