/**
 * MSI-X of a PCI function: a table of messages, their masks, and the pending bits. Source: PCI 3.0, 6.8.2.
 *
 *   offset 0     16 bytes a vector: address, upper address, data, control (bit 0 masks)
 *   offset 800h  pending bits
 */
import type { DeviceState, MemoryHandler } from '../device.ts'
import { restore, snapshot } from '../state.ts'

export const MSIX_BAR_BYTES = 0x1000
export const MSIX_PENDING_OFFSET = 0x800
export const MSIX_CAPABILITY = 0x11
/** Bits of message control. */
export const MSIX_ENABLE = 0x8000
export const MSIX_FUNCTION_MASK = 0x4000

const ENTRY_WORDS = 4
const CONTROL_MASKED = 1
const ADDRESS = 0
const DATA = 2
const CONTROL = 3

export class MsixTable {
  readonly handler: MemoryHandler
  readonly vectors: number
  private readonly send: (address: number, data: number) => void
  private readonly registers: { table: number[], pending: number, control: number }

  constructor(vectors: number, send: (address: number, data: number) => void) {
    this.vectors = vectors
    this.send = send
    this.registers = { table: new Array<number>(vectors * ENTRY_WORDS).fill(0), pending: 0, control: 0 }
    this.reset()
    this.handler = {
      read8: address => (this.read(address & ~3) >>> (8 * (address & 3))) & 0xff,
      read16: address => (this.read(address & ~3) >>> (8 * (address & 2))) & 0xffff,
      read32: address => this.read(address),
      // Narrower writes than of a word are not allowed.
      write8: () => {},
      write16: () => {},
      write32: (address, value) => this.write(address, value),
    }
  }

  get enabled(): boolean {
    return (this.registers.control & MSIX_ENABLE) !== 0
  }

  /** Message control of the capability has been written. */
  setControl(control: number): void {
    this.registers.control = control & (MSIX_ENABLE | MSIX_FUNCTION_MASK)
    for (let vector = 0; vector < this.vectors; vector++) this.sendPending(vector)
  }

  /** Sends a vector's message, or notes it while it is masked. Vectors that do not exist send nothing. */
  raise(vector: number): void {
    if (vector >= this.vectors || !this.enabled) return
    this.registers.pending |= 1 << vector
    this.sendPending(vector)
  }

  reset(): void {
    const r = this.registers
    Object.assign(r, { pending: 0, control: 0 })
    r.table = r.table.map((_, i) => (i % ENTRY_WORDS === CONTROL ? CONTROL_MASKED : 0))
  }

  save(): DeviceState {
    return snapshot(this.registers)
  }

  load(device: string, state: DeviceState): void {
    restore(device, this.registers, state)
    const { table } = this.registers
    this.registers.table = Array.from({ length: this.vectors * ENTRY_WORDS }, (_, i) => (table[i] ?? 0) >>> 0)
  }

  private sendPending(vector: number): void {
    const r = this.registers
    const masked = r.table[vector * ENTRY_WORDS + CONTROL] & CONTROL_MASKED || r.control & MSIX_FUNCTION_MASK
    if (!this.enabled || masked || !((r.pending >> vector) & 1)) return
    r.pending &= ~(1 << vector)
    this.send(r.table[vector * ENTRY_WORDS + ADDRESS], r.table[vector * ENTRY_WORDS + DATA])
  }

  private read(offset: number): number {
    if (offset === MSIX_PENDING_OFFSET) return this.registers.pending >>> 0
    return (this.registers.table[offset >> 2] ?? 0) >>> 0
  }

  private write(offset: number, value: number): void {
    const { table } = this.registers
    const word = offset >> 2
    if (word >= table.length) return
    table[word] = word % ENTRY_WORDS === CONTROL ? value & CONTROL_MASKED : value >>> 0
    this.sendPending(Math.floor(word / ENTRY_WORDS))
  }
}
