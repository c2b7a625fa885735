/** A machine with a reference program in it, and what the program logs on port 0xE9. */
import { readFileSync } from 'node:fs'
import type { Compiler } from '../../../../jit/region-manager.ts'
import { loadMultiboot } from '../../../../src/loaders/multiboot.ts'
import { Machine } from '../../../../src/machine.ts'

const MEMORY_BYTES = 32 << 20
/** Milliseconds of host time for one program. */
const TIME = 60_000

const build = (name: string) => readFileSync(new URL(`../../../../build/${name}`, import.meta.url))
const core = new WebAssembly.Module(build('core.wasm'))
const handlers = JSON.parse(build('handlers.json').toString())

export class LoadedMachine {
  private readonly machine: Machine
  private text = ''

  /** With a compiler, code entered `heatThreshold` times runs compiled. */
  constructor(program: Uint8Array, { compiler, heatThreshold }: { compiler?: Compiler, heatThreshold?: number } = {}) {
    const boot = loadMultiboot({ kernel: program, memoryBytes: MEMORY_BYTES })
    this.machine = new Machine(
      { memoryBytes: MEMORY_BYTES, clock: 'virtual', isaDebugExit: true, boot, heatThreshold },
      { core, handlers, compiler },
    )
    this.machine.debugConsole.onByte = byte => {
      this.text += String.fromCharCode(byte)
    }
  }

  /** Runs the program to its end. Throws when it does not come to it. */
  log(): string {
    const result = this.machine.run(TIME)
    if (result.state !== 'stopped' || result.reason !== 'debug-exit')
      throw new Error(`the program ended with ${JSON.stringify(result)} behind\n${this.text.slice(-1000)}`)
    return this.text
  }
}
