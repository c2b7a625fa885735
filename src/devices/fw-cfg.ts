/**
 * Firmware configuration: what the host tells the firmware (boot order, memory map, ACPI tables …), by QEMU's public
 * interface, which SeaBIOS and OVMF know.
 *
 *     const config = new FwCfg({ bus, memory })
 *     config.setFile('bootorder', text)               // before the firmware runs
 *
 * Ports: 510h selector (16 bits), 511h data (8 bits), 514h..51Bh address of a DMA command (big-endian, 64 bits).
 * Source: QEMU documentation, "QEMU Firmware Configuration (fw_cfg) Device" (docs/specs/fw_cfg).
 */
import type { Bus, Device, DeviceState, GuestMemory } from './device.ts'
import { restore, snapshot } from './state.ts'

const PORT_SELECTOR = 0x510
const PORT_DATA = 0x511
const PORT_DMA_HIGH = 0x514
const PORT_DMA_LAST = 0x51b

/** Keys of items without a name. */
export enum FwCfgKey {
  Signature = 0x00, Id = 0x01, Uuid = 0x02, RamSize = 0x03, Graphics = 0x04, Cpus = 0x05, BootDevice = 0x0c,
  BootMenu = 0x0e, MostCpus = 0x0f, Directory = 0x19, FirstFile = 0x20,
}

const SIGNATURE = 'QEMU'
const DMA_SIGNATURE = 'QEMU CFG'
/** Id bits: the ports, and DMA. */
const FEATURES = 0x03
const DIRECTORY_ENTRY_BYTES = 64
const FILE_NAME_BYTES = 56
/** Bits of a key that are not part of it: write access, which nothing offers. */
const KEY_MASK = 0xbfff

const DMA_ERROR = 0x01
const DMA_READ = 0x02
const DMA_SKIP = 0x04
const DMA_SELECT = 0x08
const DMA_WRITE = 0x10
const DMA_COMMAND_BYTES = 16
/** Longest piece of zeros made for a read behind the end of an item. */
const PIECE_BYTES = 0x10000

export interface FwCfgOptions {
  bus: Bus
  memory: GuestMemory
}

export class FwCfg implements Device {
  readonly name = 'fw-cfg'
  private readonly memory: GuestMemory
  private readonly items = new Map<number, Uint8Array>()
  private readonly files: { name: string, bytes: number }[] = []
  private readonly registers = { key: 0, offset: 0, dmaHigh: 0, dmaLow: 0 }

  constructor({ bus, memory }: FwCfgOptions) {
    this.memory = memory
    this.setItem(FwCfgKey.Signature, asciiBytes(SIGNATURE))
    this.setItem(FwCfgKey.Id, littleEndian(FEATURES, 4))
    this.setItem(FwCfgKey.Directory, littleEndian(0, 4))
    bus.claimPorts(PORT_SELECTOR, PORT_DATA, {
      read8: port => (port === PORT_DATA ? this.next() : 0),
      write8: (port, value) => {
        if (port === PORT_SELECTOR) this.select(value)
      },
      write16: (port, value) => {
        if (port === PORT_SELECTOR) this.select(value)
      },
    })
    bus.claimPorts(PORT_DMA_HIGH, PORT_DMA_LAST, {
      read8: port => DMA_SIGNATURE.charCodeAt(port - PORT_DMA_HIGH),
      write32: (port, value) => this.writeDma(port, value),
    })
  }

  /** What the firmware finds under a key. */
  setItem(key: number, bytes: Uint8Array): void {
    this.items.set(key, bytes)
  }

  /** What the firmware finds under a name (at most 55 characters); replaces an earlier file of that name. */
  setFile(name: string, bytes: Uint8Array): void {
    if (name.length >= FILE_NAME_BYTES) throw new RangeError(`fw_cfg file names have at most 55 characters: ${name}`)
    let index = this.files.findIndex(file => file.name === name)
    if (index < 0) index = this.files.push({ name, bytes: 0 }) - 1
    this.files[index].bytes = bytes.length
    this.setItem(FwCfgKey.FirstFile + index, bytes)
    this.setItem(FwCfgKey.Directory, this.directory())
  }

  reset(): void {
    Object.assign(this.registers, { key: 0, offset: 0, dmaHigh: 0, dmaLow: 0 })
  }

  /** The items are the host's and come with the machine's options. */
  save(): DeviceState {
    return snapshot(this.registers)
  }

  load(state: DeviceState): void {
    restore(this.name, this.registers, state)
    this.registers.offset = Math.max(0, this.registers.offset)
  }

  private directory(): Uint8Array {
    const bytes = new Uint8Array(4 + this.files.length * DIRECTORY_ENTRY_BYTES)
    const view = new DataView(bytes.buffer)
    view.setUint32(0, this.files.length)
    this.files.forEach((file, i) => {
      const entry = 4 + i * DIRECTORY_ENTRY_BYTES
      view.setUint32(entry, file.bytes)
      view.setUint16(entry + 4, FwCfgKey.FirstFile + i)
      bytes.set(asciiBytes(file.name), entry + 8)
    })
    return bytes
  }

  private select(key: number): void {
    this.registers.key = key & KEY_MASK
    this.registers.offset = 0
  }

  /** The next byte of the selected item; zeros behind its end. */
  private next(): number {
    const r = this.registers
    const byte = this.items.get(r.key)?.[r.offset] ?? 0
    r.offset++
    return byte
  }

  private writeDma(port: number, value: number): void {
    const r = this.registers
    if (port === PORT_DMA_HIGH) r.dmaHigh = swapBytes(value)
    if (port !== PORT_DMA_HIGH + 4) return
    r.dmaLow = swapBytes(value)
    // There is no memory above 4 GiB.
    if (r.dmaHigh === 0) this.transfer(r.dmaLow)
    r.dmaHigh = 0
  }

  /** Carries out the DMA command at a physical address: control, length (32 bits each), address (64), big-endian. */
  private transfer(at: number): void {
    const command = this.memory.readBytes(at, DMA_COMMAND_BYTES)
    const view = new DataView(command.buffer)
    const control = view.getUint32(0)
    const length = view.getUint32(4)
    const high = view.getUint32(8)
    const address = view.getUint32(12)
    if (control & DMA_SELECT) this.select(control >>> 16)
    const failed = (control & DMA_WRITE) !== 0 || high !== 0
    if (!failed && control & DMA_READ) this.readTo(address, length)
    else if (!failed && control & DMA_SKIP) this.registers.offset += length
    const status = new Uint8Array(4)
    new DataView(status.buffer).setUint32(0, failed ? DMA_ERROR : 0)
    this.memory.writeBytes(at, status)
  }

  private readTo(address: number, length: number): void {
    const r = this.registers
    const item = this.items.get(r.key) ?? new Uint8Array(0)
    const there = item.subarray(Math.min(r.offset, item.length), Math.min(r.offset + length, item.length))
    this.memory.writeBytes(address, there)
    const end = Math.min(address + length, this.memory.size)
    for (let at = address + there.length; at < end; at += PIECE_BYTES)
      this.memory.writeBytes(at, new Uint8Array(Math.min(PIECE_BYTES, end - at)))
    r.offset += length
  }
}

function swapBytes(value: number): number {
  return (((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0
}

/** The characters as bytes. */
export function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, character => character.charCodeAt(0))
}

/** `value` in `bytes` bytes, at most 8, low byte first. */
export function littleEndian(value: number, bytes: number): Uint8Array {
  const result = new Uint8Array(bytes)
  for (let i = 0; i < bytes; i++) result[i] = Math.floor(value / 2 ** (8 * i)) % 256
  return result
}
