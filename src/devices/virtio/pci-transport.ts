/**
 * Virtio over PCI, transitional: the legacy registers in I/O space and the structures of virtio 1 in memory.
 *
 *   BAR 0 (I/O)     legacy header, then the device's configuration
 *   BAR 1 (memory)  MSI-X (msix.ts)
 *   BAR 4 (memory)  0000h common configuration, 1000h ISR, 2000h device configuration, 3000h notification
 *
 * Interrupts: INTx with the ISR register, or MSI-X. Source: VIRTIO 1.1, 4.1 (PCI), 4.1.4.8 and 2.4.2 (legacy).
 */
import type { DeviceState, GuestMemory, IrqLine, MemoryHandler, PortHandler } from '../device.ts'
import { PciFunction, PciRegister } from '../pci-function.ts'
import { childState, restore, snapshot } from '../state.ts'
import { MSIX_BAR_BYTES, MSIX_CAPABILITY, MSIX_ENABLE, MSIX_FUNCTION_MASK, MSIX_PENDING_OFFSET, MsixTable } from './msix.ts'
import { isQueueSize, VirtQueue } from './queue.ts'

const VIRTIO_VENDOR = 0x1af4
/** Transitional devices: 1000h and what the specification adds for the kind. */
export enum VirtioDeviceId { Block = 0x1001 }

export enum VirtioStatus { Acknowledge = 1, Driver = 2, DriverOk = 4, FeaturesOk = 8, NeedsReset = 0x40, Failed = 0x80 }

/** Feature bits of the transport, by number. */
export const FEATURE_INDIRECT = 28
export const FEATURE_EVENT_INDEX = 29
export const FEATURE_VERSION_1 = 32

const ISR_QUEUE = 1
const ISR_CONFIGURATION = 2

const LEGACY_BAR_BYTES = 128
enum Legacy {
  DeviceFeatures = 0, DriverFeatures = 4, QueueAddress = 8, QueueSize = 12, QueueSelect = 14, QueueNotify = 16,
  Status = 18, Isr = 19, ConfigurationVector = 20, QueueVector = 22,
}
/** Where the device's configuration begins: behind the vectors, when there are any. */
const LEGACY_CONFIGURATION = 20
const LEGACY_CONFIGURATION_MSIX = 24

const MODERN_BAR_BYTES = 0x4000
const MODERN_BAR = 4
const MSIX_BAR = 1
enum Area { Common = 0, Isr = 1, Configuration = 2, Notify = 3 }
const AREA_SHIFT = 12
enum Common {
  DeviceFeatureSelect = 0, DeviceFeature = 4, DriverFeatureSelect = 8, DriverFeature = 12, ConfigurationVector = 16,
  Queues = 18, Status = 20, Generation = 21, QueueSelect = 22, QueueSize = 24, QueueVector = 26, QueueEnable = 28,
  QueueNotifyOffset = 30, QueueDescriptors = 32, QueueAvailable = 40, QueueUsed = 48, End = 56,
}
const NOTIFY_MULTIPLIER = 4
const NO_VECTOR = 0xffff

/** Capabilities in configuration space. */
const CAPABILITIES_POINTER = 0x34
const STATUS_CAPABILITIES = 0x10
const VENDOR_CAPABILITY = 0x09
enum Structure { Common = 1, Notify = 2, Isr = 3, Configuration = 4 }
const FIRST_CAPABILITY = 0x40
const STRUCTURE_BYTES = 16
const NOTIFY_STRUCTURE_BYTES = 20
const MSIX_BYTES = 12

export interface PciTransportOptions {
  name: string
  deviceId: VirtioDeviceId
  /** The kind of device, as subsystem id. */
  kind: number
  classCode: number
  memory: GuestMemory
  intx: IrqLine
  /** Sends a message-signalled interrupt; absent on a board without an APIC: then there is no MSI-X. */
  sendMessage?: (address: number, data: number) => void
  queues: number
  /** Numbers of the feature bits that the device offers, the transport's included. */
  features: readonly number[]
  /** The device's configuration, as it reads. */
  configuration: Uint8Array
  /** The driver has notified a queue, or the state has been loaded. */
  onNotify: (queue: VirtQueue) => void
  /** The driver has reset the device. */
  onReset: () => void
}

export class PciTransport {
  readonly pciFunction: PciFunction
  readonly queues: readonly VirtQueue[]
  private readonly options: PciTransportOptions
  private readonly msix: MsixTable | undefined
  private readonly offered: readonly number[]
  private readonly registers = {
    status: 0, isr: 0, deviceSelect: 0, driverSelect: 0, features: [0, 0], queue: 0, vector: NO_VECTOR,
  }

  constructor(options: PciTransportOptions) {
    this.options = options
    this.queues = Array.from({ length: options.queues }, () => new VirtQueue(options.memory))
    this.offered = [0, 1].map(word =>
      options.features.reduce((bits, bit) => (bit >> 5 === word ? bits | (1 << (bit & 31)) : bits), 0) >>> 0)
    const { sendMessage } = options
    if (sendMessage) this.msix = new MsixTable(options.queues + 1, sendMessage)
    const capabilities = this.capabilities()
    this.pciFunction = new PciFunction({
      vendorId: VIRTIO_VENDOR, deviceId: options.deviceId, classCode: options.classCode,
      subsystemVendorId: VIRTIO_VENDOR, subsystemId: options.kind, interruptPin: 1,
      bars: [
        { kind: 'io', size: LEGACY_BAR_BYTES, handler: this.legacyHandler() },
        this.msix && { kind: 'memory', size: MSIX_BAR_BYTES, handler: this.msix.handler },
        undefined, undefined,
        { kind: 'memory', size: MODERN_BAR_BYTES, handler: this.modernHandler() },
      ],
      initial: [
        [PciRegister.Status, STATUS_CAPABILITIES], [CAPABILITIES_POINTER, FIRST_CAPABILITY],
        ...[...capabilities.bytes].map((value, i): [number, number] => [FIRST_CAPABILITY + i, value]),
      ],
      writable: this.msix ? [[capabilities.msixControl + 1, (MSIX_ENABLE | MSIX_FUNCTION_MASK) >> 8]] : [],
      onConfigWrite: (config, first, last) => {
        const at = capabilities.msixControl
        if (this.msix && first <= at + 1 && last >= at) {
          this.msix.setControl(config[at] | (config[at + 1] << 8))
          this.driveLine()
        }
      },
    })
  }

  /** Whether the driver has agreed on a feature. */
  has(feature: number): boolean {
    return ((this.registers.features[feature >> 5] >>> (feature & 31)) & 1) !== 0
  }

  /** Whether the driver lets the device work. */
  get isReady(): boolean {
    const { status } = this.registers
    return (status & VirtioStatus.DriverOk) !== 0 && (status & VirtioStatus.NeedsReset) === 0
  }

  /** Tells the driver that chains of a queue have been given back, if it wants to hear of it. */
  interrupt(queue: VirtQueue): void {
    if (!queue.wantsInterrupt()) return
    if (this.msix?.enabled) this.msix.raise(queue.registers.vector)
    else {
      this.registers.isr |= ISR_QUEUE
      this.driveLine()
    }
  }

  /** The driver has broken the rules: the device does nothing more until it is reset. */
  needReset(): void {
    const r = this.registers
    r.status |= VirtioStatus.NeedsReset
    if (this.msix?.enabled) this.msix.raise(r.vector)
    else {
      r.isr |= ISR_CONFIGURATION
      this.driveLine()
    }
  }

  /** Reset by the driver or the board. */
  reset(): void {
    const r = this.registers
    Object.assign(r, { status: 0, isr: 0, deviceSelect: 0, driverSelect: 0, queue: 0, vector: NO_VECTOR })
    r.features = [0, 0]
    for (const queue of this.queues) queue.reset()
    this.driveLine()
    this.options.onReset()
  }

  /** Hardware reset: MSI-X, too; its switch is the configuration space's. */
  hardReset(): void {
    this.msix?.reset()
    this.reset()
  }

  save(): DeviceState {
    const state: DeviceState = { ...snapshot(this.registers), queues: this.queues.map(queue => queue.save()) }
    if (this.msix) state.msix = this.msix.save()
    return state
  }

  load(state: DeviceState): void {
    const { name } = this.options
    const queues = Array.isArray(state.queues) ? state.queues : []
    restore(name, this.registers, state)
    const r = this.registers
    r.features = [0, 1].map(word => (r.features[word] ?? 0) & this.offered[word])
    for (const [i, queue] of this.queues.entries()) {
      queue.load(name, (queues[i] ?? {}) as DeviceState)
      queue.eventIndex = this.has(FEATURE_EVENT_INDEX)
    }
    this.msix?.load(name, childState(name, state, 'msix'))
  }

  private driveLine(): void {
    this.options.intx.set(this.registers.isr !== 0 && !this.msix?.enabled)
  }

  private get selected(): VirtQueue | undefined {
    return this.queues[this.registers.queue]
  }

  private readIsr(): number {
    const { isr } = this.registers
    this.registers.isr = 0
    this.driveLine()
    return isr
  }

  private setStatus(value: number): void {
    const r = this.registers
    if (value === 0) {
      this.reset()
      return
    }
    const before = r.status
    r.status = value | (before & VirtioStatus.NeedsReset)
    for (const queue of this.queues) queue.eventIndex = this.has(FEATURE_EVENT_INDEX)
    // What was made available before the driver was ready is looked at now.
    if (this.isReady && !(before & VirtioStatus.DriverOk)) for (const queue of this.queues) this.options.onNotify(queue)
  }

  private setFeatures(word: number, value: number): void {
    if (word < 2 && !(this.registers.status & VirtioStatus.FeaturesOk))
      this.registers.features[word] = (value & this.offered[word]) >>> 0
  }

  private notify(index: number): void {
    const queue = this.queues[index]
    if (queue && this.isReady) this.options.onNotify(queue)
  }

  /** A vector number, or none when there is no such vector. */
  private vectorOf(value: number): number {
    return this.msix && value < this.msix.vectors ? value : NO_VECTOR
  }

  private legacyHandler(): PortHandler {
    const configuration = () => (this.msix?.enabled ? LEGACY_CONFIGURATION_MSIX : LEGACY_CONFIGURATION)
    const read8 = (port: number) => {
      if (port === Legacy.Status) return this.registers.status
      if (port === Legacy.Isr) return this.readIsr()
      if (port >= configuration()) return this.options.configuration[port - configuration()] ?? 0
      return (this.readLegacy(port & ~1) >>> (8 * (port & 1))) & 0xff
    }
    const wide = (port: number, bytes: number) => {
      let value = 0
      for (let i = bytes - 1; i >= 0; i--) value = (value << 8) | read8(port + i)
      return value >>> 0
    }
    return {
      read8,
      read16: port => wide(port, 2),
      read32: port => wide(port, 4),
      write8: (port, value) => {
        if (port === Legacy.Status) this.setStatus(value)
      },
      write16: (port, value) => this.writeLegacy16(port, value),
      write32: (port, value) => {
        if (port === Legacy.DriverFeatures) this.setFeatures(0, value)
        else if (port === Legacy.QueueAddress && this.selected) this.selected.pageNumber = value
      },
    }
  }

  /** 16 bits of the legacy header. */
  private readLegacy(port: number): number {
    const r = this.registers
    const half = (value: number) => (port & 2 ? value >>> 16 : value & 0xffff)
    switch (port) {
      case Legacy.DeviceFeatures:
      case Legacy.DeviceFeatures + 2: return half(this.offered[0])
      case Legacy.DriverFeatures:
      case Legacy.DriverFeatures + 2: return half(r.features[0])
      case Legacy.QueueAddress:
      case Legacy.QueueAddress + 2: return half(this.selected?.pageNumber ?? 0)
      case Legacy.QueueSize: return this.selected?.registers.size ?? 0
      case Legacy.QueueSelect: return r.queue
      case Legacy.ConfigurationVector: return r.vector
      case Legacy.QueueVector: return this.selected?.registers.vector ?? NO_VECTOR
      default: return 0
    }
  }

  private writeLegacy16(port: number, value: number): void {
    if (port === Legacy.QueueSelect) this.registers.queue = value
    else if (port === Legacy.QueueNotify) this.notify(value)
    else if (!this.msix?.enabled) return
    else if (port === Legacy.ConfigurationVector) this.registers.vector = this.vectorOf(value)
    else if (port === Legacy.QueueVector && this.selected) this.selected.registers.vector = this.vectorOf(value)
  }

  private modernHandler(): MemoryHandler {
    const read8 = (offset: number) => this.readModern(offset)
    const wide = (offset: number, bytes: number) => {
      let value = 0
      for (let i = bytes - 1; i >= 0; i--) value = (value << 8) | read8(offset + i)
      return value >>> 0
    }
    const write = (offset: number, bytes: number, value: number) => {
      const area: Area = offset >> AREA_SHIFT
      if (area === Area.Notify) this.notify((offset & 0xfff) / NOTIFY_MULTIPLIER)
      else if (area === Area.Common) this.writeCommon(offset, bytes, value)
    }
    return {
      read8,
      read16: offset => wide(offset, 2),
      read32: offset => wide(offset, 4),
      write8: (offset, value) => write(offset, 1, value),
      write16: (offset, value) => write(offset, 2, value),
      write32: (offset, value) => write(offset, 4, value),
    }
  }

  private readModern(offset: number): number {
    const area: Area = offset >> AREA_SHIFT
    const place = offset & 0xfff
    if (area === Area.Configuration) return this.options.configuration[place] ?? 0
    if (area === Area.Isr) return place === 0 ? this.readIsr() : 0
    if (area !== Area.Common || place >= Common.End) return 0
    return Math.floor(this.readCommon(place & ~3) / 2 ** (8 * (place & 3))) & 0xff
  }

  /** A word of 32 bits of the common configuration. */
  private readCommon(place: number): number {
    const r = this.registers
    const q = this.selected?.registers
    switch (place) {
      case Common.DeviceFeatureSelect: return r.deviceSelect
      case Common.DeviceFeature: return this.offered[r.deviceSelect] ?? 0
      case Common.DriverFeatureSelect: return r.driverSelect
      case Common.DriverFeature: return r.features[r.driverSelect] ?? 0
      case Common.ConfigurationVector: return (r.vector | (this.queues.length << 16)) >>> 0
      case Common.Status: return (r.status | (r.queue << 16)) >>> 0
      case Common.QueueSize: return q ? (q.size | (q.vector << 16)) >>> 0 : 0
      case Common.QueueEnable: return q ? (Number(q.enabled) | (r.queue << 16)) >>> 0 : 0
      default: return q ? addressHalf(q, place) : 0
    }
  }

  private writeCommon(place: number, bytes: number, value: number): void {
    const r = this.registers
    const q = this.selected?.registers
    if (bytes === 1) {
      if (place === Common.Status) this.setStatus(value)
    } else if (bytes === 2) {
      if (place === Common.ConfigurationVector) r.vector = this.vectorOf(value)
      else if (place === Common.QueueSelect) r.queue = value
      else if (!q) return
      else if (place === Common.QueueSize && !q.enabled && isQueueSize(value)) q.size = value
      else if (place === Common.QueueVector) q.vector = this.vectorOf(value)
      else if (place === Common.QueueEnable && value === 1) q.enabled = true
    } else if (place === Common.DeviceFeatureSelect) r.deviceSelect = value
    else if (place === Common.DriverFeatureSelect) r.driverSelect = value
    else if (place === Common.DriverFeature) this.setFeatures(r.driverSelect, value)
    else if (q && !q.enabled && place >= Common.QueueDescriptors && place < Common.End) setAddressHalf(q, place, value)
  }

  /** The list of capabilities, and where MSI-X's message control is. */
  private capabilities(): { bytes: Uint8Array, msixControl: number } {
    const structures = [
      { type: Structure.Common, area: Area.Common, bytes: Common.End },
      { type: Structure.Isr, area: Area.Isr, bytes: 1 },
      { type: Structure.Configuration, area: Area.Configuration, bytes: this.options.configuration.length },
      { type: Structure.Notify, area: Area.Notify, bytes: this.queues.length * NOTIFY_MULTIPLIER },
    ]
    const msixAt = structures.length * STRUCTURE_BYTES + NOTIFY_STRUCTURE_BYTES - STRUCTURE_BYTES
    const bytes = new Uint8Array(msixAt + (this.msix ? MSIX_BYTES : 0))
    const view = new DataView(bytes.buffer)
    structures.forEach(({ type, area, bytes: length }, i) => {
      const at = i * STRUCTURE_BYTES
      const isLast = i === structures.length - 1
      const size = isLast ? NOTIFY_STRUCTURE_BYTES : STRUCTURE_BYTES
      const next = isLast && !this.msix ? 0 : FIRST_CAPABILITY + at + size
      bytes.set([VENDOR_CAPABILITY, next, size, type, MODERN_BAR], at)
      view.setUint32(at + 8, area << AREA_SHIFT, true)
      view.setUint32(at + 12, length, true)
      if (isLast) view.setUint32(at + 16, NOTIFY_MULTIPLIER, true)
    })
    if (this.msix) {
      bytes.set([MSIX_CAPABILITY, 0], msixAt)
      view.setUint16(msixAt + 2, this.msix.vectors - 1, true)
      view.setUint32(msixAt + 4, MSIX_BAR, true)
      view.setUint32(msixAt + 8, MSIX_PENDING_OFFSET | MSIX_BAR, true)
    }
    return { bytes, msixControl: FIRST_CAPABILITY + msixAt + 2 }
  }
}

type QueueRegisters = VirtQueue['registers']

/** Which address of a queue a word of the common configuration belongs to. */
function addressKey(place: number): 'descriptors' | 'available' | 'used' {
  if (place < Common.QueueAvailable) return 'descriptors'
  return place < Common.QueueUsed ? 'available' : 'used'
}

function addressHalf(q: QueueRegisters, place: number): number {
  const address = q[addressKey(place)]
  return place & 4 ? Math.floor(address / 2 ** 32) : address % 2 ** 32
}

/** Addresses beyond what a number holds exactly lie outside RAM just as well. */
function setAddressHalf(q: QueueRegisters, place: number, value: number): void {
  const key = addressKey(place)
  const low = place & 4 ? q[key] % 2 ** 32 : value
  const high = place & 4 ? value & 0x1fffff : Math.floor(q[key] / 2 ** 32)
  q[key] = high * 2 ** 32 + low
}
