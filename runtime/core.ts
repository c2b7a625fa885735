/** core.wasm instantiated: its exports, typed, and the state fields as numbers. */
import { PAGE_BYTES, PAGE_FLAGS_BASE, PAGE_SHIFT, PageFlag, linearMemoryBytes, RAM_BASE } from './memory-map.ts'
import { stateAddress, type StateName } from './state.ts'

const WASM_PAGE_BYTES = 65536

/** What core.wasm asks of the machine (runtime/helpers/host.ts). Sizes in bits; addresses and values unsigned. */
export interface CoreHost {
  readDevice(physical: number, bits: number): number
  writeDevice(physical: number, bits: number, value: number): void
  readPort(port: number, bits: number): number
  writePort(port: number, bits: number, value: number): void
  codeWritten(physical: number, bytes: number): void
  timestamp(): number
  /** FERR#: an x87 exception is to be reported by IRQ 13. Without it, nobody is told. */
  floatError?(): void
  /** 32 bits of entropy, for RDRAND. */
  random(): number
  /** IA32_APIC_BASE has been written; absent where there is no APIC. */
  apicBaseWritten?(): void
}

/** Exports of core.wasm that the machine calls. */
export interface CoreExports {
  /** Compiled regions by slot. */
  readonly regions: WebAssembly.Table
  /** Works a condition out of the flags in the state; compiled regions import it. */
  condition(code: number): number
  /** Carries out one record with its general handler; compiled regions import it. */
  handleRecord(record: number): number
  /** Runs until there is a reason to return; the ExitReason. */
  run(): number
  getEflags(): number
  setEflags(value: number): void
  updateMode(): void
  cancelStep(): void
  flushTlb(includingGlobal: boolean): void
  closePage(physical: number): void
  peekTranslate(linear: number): number
  /** As translateFetch without any effect; all ones when there would be a fault or an accessed bit to set. */
  peekFetch(linear: number, user: boolean): number
  translateFetch(linear: number, user: boolean): number
  deliverException(): number
  deliverHardwareInterrupt(vector: number): number
  loadSegment(segment: number, selector: number): void
  writeControlRegister(index: number, value: number): void
  resetFpu?(): void
}

/** One virtual CPU with its RAM: linear memory, exports and state. */
export class Core {
  readonly memory: WebAssembly.Memory
  readonly exports: CoreExports
  readonly bytes: Uint8Array
  readonly words: Int32Array
  readonly ramBytes: number

  private constructor(memory: WebAssembly.Memory, exports: CoreExports, ramBytes: number) {
    this.memory = memory
    this.exports = exports
    this.ramBytes = ramBytes
    this.bytes = new Uint8Array(memory.buffer)
    this.words = new Int32Array(memory.buffer)
  }

  /** Instantiates `module` with `ramBytes` of RAM (a multiple of 4096). Throws RangeError when memory is short. */
  static create(module: WebAssembly.Module, ramBytes: number, host: CoreHost): Core {
    if (ramBytes % PAGE_BYTES !== 0) throw new RangeError('RAM must be whole pages')
    const pages = Math.ceil(linearMemoryBytes(ramBytes) / WASM_PAGE_BYTES)
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
    const unsigned = (value: number) => value >>> 0
    const instance = new WebAssembly.Instance(module, {
      env: { memory },
      host: {
        readDevice: (physical: number, bits: number) => host.readDevice(unsigned(physical), bits),
        writeDevice: (physical: number, bits: number, value: number) =>
          host.writeDevice(unsigned(physical), bits, unsigned(value)),
        readPort: (port: number, bits: number) => host.readPort(port, bits),
        writePort: (port: number, bits: number, value: number) => host.writePort(port, bits, unsigned(value)),
        codeWritten: (physical: number, bytes: number) => host.codeWritten(unsigned(physical), bytes),
        timestamp: () => host.timestamp(),
        floatError: () => host.floatError?.(),
        random: () => host.random(),
        apicBaseWritten: () => host.apicBaseWritten?.(),
      },
    })
    return new Core(memory, instance.exports as unknown as CoreExports, ramBytes)
  }

  /** A 32-bit state field, signed. */
  get(name: StateName, index = 0): number {
    return this.words[stateAddress(name, index) >> 2]
  }

  set(name: StateName, value: number, index = 0): void {
    this.words[stateAddress(name, index) >> 2] = value
  }

  /** Whether the page of a physical address (or place) is memory, not a device. */
  isMemory(physical: number): boolean {
    return this.bytes[PAGE_FLAGS_BASE + (physical >>> PAGE_SHIFT)] !== PageFlag.Device
  }

  /** RAM alone, physical address 0 first. */
  get ram(): Uint8Array {
    return this.bytes.subarray(RAM_BASE, RAM_BASE + this.ramBytes)
  }
}
