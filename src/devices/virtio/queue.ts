/**
 * A split virtqueue as the device sees it: takes chains of buffers from the driver and gives them back.
 *
 *     const chain = queue.peek()        // the oldest chain that waits, or undefined
 *     queue.finish(chain, written)      // given back with the number of bytes written into it
 *     if (queue.wantsInterrupt()) …
 *
 * A chain counts as taken only when it is finished, so that what is saved in between begins it anew.
 * Source: Virtual I/O Device (VIRTIO) 1.1, 2.6 (split virtqueues); 2.6.5.3 indirect, 2.6.7 suppression, event index.
 */
import type { DeviceState, GuestMemory } from '../device.ts'
import { restore, snapshot } from '../state.ts'

export const MOST_QUEUE_SIZE = 256
const DESCRIPTOR_BYTES = 16
const DESC_NEXT = 1
const DESC_WRITE = 2
const DESC_INDIRECT = 4
const AVAIL_NO_INTERRUPT = 1
/** Descriptors of one chain: an indirect table may be longer than the queue. */
const MOST_DESCRIPTORS = 1024
/** Legacy drivers give one page number: descriptors, available ring, and on the next page the used ring. */
const LEGACY_PAGE = 4096
const NO_VECTOR = 0xffff

/** A piece of guest memory. */
export interface Piece { readonly address: number, readonly length: number }

export interface Chain {
  readonly head: number
  /** What the device reads, then what it writes. */
  readonly readable: readonly Piece[]
  readonly writable: readonly Piece[]
}

/** The driver has broken the rules: the device needs a reset. */
export class BrokenQueue extends Error {}

export class VirtQueue {
  readonly registers = {
    size: MOST_QUEUE_SIZE, enabled: false, vector: NO_VECTOR,
    /** Guest-physical addresses. */
    descriptors: 0, available: 0, used: 0,
    /** Free-running indices of 16 bits: the next chain, and the next place in the used ring. */
    lastAvailable: 0, usedIndex: 0,
    /** The used index when the driver was interrupted last. */
    signalled: 0,
  }
  eventIndex = false
  private readonly memory: GuestMemory

  constructor(memory: GuestMemory) {
    this.memory = memory
  }

  reset(): void {
    Object.assign(this.registers, {
      size: MOST_QUEUE_SIZE, enabled: false, vector: NO_VECTOR, descriptors: 0, available: 0, used: 0, lastAvailable: 0,
      usedIndex: 0, signalled: 0,
    })
    this.eventIndex = false
  }

  save(): DeviceState {
    return snapshot(this.registers)
  }

  load(device: string, state: DeviceState): void {
    restore(device, this.registers, state)
    const r = this.registers
    if (!isQueueSize(r.size)) r.size = MOST_QUEUE_SIZE
    for (const key of ['descriptors', 'available', 'used'] as const) r[key] = Math.max(0, r[key])
    for (const key of ['lastAvailable', 'usedIndex', 'signalled', 'vector'] as const) r[key] &= 0xffff
  }

  /** A legacy driver's page number; 0 switches the queue off. */
  get pageNumber(): number {
    return this.registers.enabled ? Math.floor(this.registers.descriptors / LEGACY_PAGE) : 0
  }

  set pageNumber(page: number) {
    const r = this.registers
    r.enabled = page !== 0
    r.descriptors = page * LEGACY_PAGE
    r.available = r.descriptors + DESCRIPTOR_BYTES * r.size
    const end = r.available + 6 + 2 * r.size
    r.used = Math.ceil(end / LEGACY_PAGE) * LEGACY_PAGE
    r.lastAvailable = r.usedIndex = r.signalled = 0
  }

  /** The oldest chain that the driver has made available. Throws BrokenQueue. */
  peek(): Chain | undefined {
    const r = this.registers
    if (!r.enabled) return undefined
    const waiting = (this.memory.read16(r.available + 2) - r.lastAvailable) & 0xffff
    if (waiting === 0) return undefined
    if (waiting > r.size) throw new BrokenQueue('more chains are available than the queue holds')
    const head = this.memory.read16(r.available + 4 + 2 * (r.lastAvailable % r.size))
    return this.chainAt(head)
  }

  /** Gives the chain of the last `peek` back, with `written` bytes in it. */
  finish(chain: Chain, written: number): void {
    const r = this.registers
    const place = r.used + 4 + 8 * (r.usedIndex % r.size)
    this.memory.write32(place, chain.head)
    this.memory.write32(place + 4, written)
    r.usedIndex = (r.usedIndex + 1) & 0xffff
    r.lastAvailable = (r.lastAvailable + 1) & 0xffff
    this.memory.write16(r.used + 2, r.usedIndex)
    // With event indices the driver notifies about the chain behind this one.
    if (this.eventIndex) this.memory.write16(r.used + 4 + 8 * r.size, r.lastAvailable)
  }

  /** Whether the driver wants to hear of what was given back since the last time. */
  wantsInterrupt(): boolean {
    const r = this.registers
    const before = r.signalled
    if (before === r.usedIndex) return false
    if (!this.eventIndex) {
      r.signalled = r.usedIndex
      return (this.memory.read16(r.available) & AVAIL_NO_INTERRUPT) === 0
    }
    const event = this.memory.read16(r.available + 4 + 2 * r.size)
    r.signalled = r.usedIndex
    return ((r.usedIndex - event - 1) & 0xffff) < ((r.usedIndex - before) & 0xffff)
  }

  private chainAt(head: number): Chain {
    const readable: Piece[] = []
    const writable: Piece[] = []
    let table = this.registers.descriptors
    let entries = this.registers.size
    let index = head
    for (let count = 0; ; count++) {
      if (count >= MOST_DESCRIPTORS) throw new BrokenQueue('a chain of descriptors has no end')
      if (index >= entries) throw new BrokenQueue('there is no such descriptor')
      const at = table + DESCRIPTOR_BYTES * index
      const address = this.memory.read32(at) + this.memory.read32(at + 4) * 2 ** 32
      const length = this.memory.read32(at + 8)
      const flags = this.memory.read16(at + 12)
      if (flags & DESC_INDIRECT) {
        if (table !== this.registers.descriptors || flags & DESC_NEXT || length % DESCRIPTOR_BYTES !== 0)
          throw new BrokenQueue('an indirect descriptor in the wrong place')
        table = address
        entries = length / DESCRIPTOR_BYTES
        index = 0
        continue
      }
      if (flags & DESC_WRITE) writable.push({ address, length })
      else if (writable.length > 0) throw new BrokenQueue('a readable descriptor behind a writable one')
      else readable.push({ address, length })
      if (!(flags & DESC_NEXT)) return { head, readable, writable }
      index = this.memory.read16(at + 14)
    }
  }
}

export function isQueueSize(size: number): boolean {
  return size > 0 && size <= MOST_QUEUE_SIZE && (size & (size - 1)) === 0
}
