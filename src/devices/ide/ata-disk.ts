/**
 * ATA hard disk: PIO, multiple and DMA transfers by CHS, 28-bit and 48-bit addresses.
 *
 * Source: ATA/ATAPI-6 (T13 1410D), chapter 8 (commands).
 */
import type { Disk } from '../../disks/disk.ts'
import type { DeviceState } from '../device.ts'
import { restore, snapshot } from '../state.ts'
import { AtaError, DEVICE_LBA, DIAGNOSTIC_PASSED, Drive, type DriveOptions, Phase, Status } from './drive.ts'
import { identifyDisk } from './identify.ts'

export const SECTOR_BYTES = 512
const MOST_MULTIPLE = 16
/** Sectors that one step of a DMA transfer moves. */
const DMA_STEP_SECTORS = 256
const DEFAULT_HEADS = 16
const DEFAULT_SECTORS = 63
export const MOST_CYLINDERS = 16383
const LBA28_SECTORS = 2 ** 28
const FEATURE_TRANSFER_MODE = 0x03

enum Command {
  ReadSectors = 0x20, ReadSectorsOnce = 0x21, ReadSectorsExt = 0x24, ReadDmaExt = 0x25, ReadNativeMaxExt = 0x27,
  ReadMultipleExt = 0x29, WriteSectors = 0x30, WriteSectorsOnce = 0x31, WriteSectorsExt = 0x34, WriteDmaExt = 0x35,
  WriteMultipleExt = 0x39, ReadVerify = 0x40, ReadVerifyOnce = 0x41, ReadVerifyExt = 0x42, Diagnostic = 0x90,
  InitializeParameters = 0x91, ReadMultiple = 0xc4, WriteMultiple = 0xc5, SetMultiple = 0xc6, ReadDma = 0xc8,
  ReadDmaOnce = 0xc9, WriteDma = 0xca, WriteDmaOnce = 0xcb, StandbyImmediate = 0xe0, IdleImmediate = 0xe1,
  Standby = 0xe2, Idle = 0xe3, CheckPower = 0xe5, Sleep = 0xe6, FlushCache = 0xe7, FlushCacheExt = 0xea,
  Identify = 0xec, SetFeatures = 0xef, ReadNativeMax = 0xf8,
}
const SEEK_FIRST = 0x70
const RECALIBRATE_FIRST = 0x10
const POWER_ACTIVE = 0xff

/** What a transfer command does. */
enum Transfer { None, Read, Write, ReadDma, WriteDma, Verify, Flush }

interface TransferKind { readonly transfer: Transfer, readonly ext: boolean, readonly multiple?: boolean }

const transfers = new Map<number, TransferKind>([
  [Command.ReadSectors, { transfer: Transfer.Read, ext: false }],
  [Command.ReadSectorsOnce, { transfer: Transfer.Read, ext: false }],
  [Command.ReadSectorsExt, { transfer: Transfer.Read, ext: true }],
  [Command.ReadMultiple, { transfer: Transfer.Read, ext: false, multiple: true }],
  [Command.ReadMultipleExt, { transfer: Transfer.Read, ext: true, multiple: true }],
  [Command.WriteSectors, { transfer: Transfer.Write, ext: false }],
  [Command.WriteSectorsOnce, { transfer: Transfer.Write, ext: false }],
  [Command.WriteSectorsExt, { transfer: Transfer.Write, ext: true }],
  [Command.WriteMultiple, { transfer: Transfer.Write, ext: false, multiple: true }],
  [Command.WriteMultipleExt, { transfer: Transfer.Write, ext: true, multiple: true }],
  [Command.ReadDma, { transfer: Transfer.ReadDma, ext: false }],
  [Command.ReadDmaOnce, { transfer: Transfer.ReadDma, ext: false }],
  [Command.ReadDmaExt, { transfer: Transfer.ReadDma, ext: true }],
  [Command.WriteDma, { transfer: Transfer.WriteDma, ext: false }],
  [Command.WriteDmaOnce, { transfer: Transfer.WriteDma, ext: false }],
  [Command.WriteDmaExt, { transfer: Transfer.WriteDma, ext: true }],
  [Command.ReadVerify, { transfer: Transfer.Verify, ext: false }],
  [Command.ReadVerifyOnce, { transfer: Transfer.Verify, ext: false }],
  [Command.ReadVerifyExt, { transfer: Transfer.Verify, ext: true }],
])

export interface Geometry { cylinders: number, heads: number, sectors: number }

export class AtaDisk extends Drive {
  private readonly disk: Disk
  private readonly sectors: number
  private readonly native: Geometry
  private readonly serial: string
  private readonly registers = {
    /** The translation in force. */
    heads: DEFAULT_HEADS, sectorsPerTrack: DEFAULT_SECTORS,
    /** Sectors of a block in multiple commands; 0: they are off. Bytes of SET FEATURES' transfer modes. */
    multiple: 0, multiwordMode: 2, ultraMode: 5,
    /** The transfer at hand: next sector, sectors left, sectors in a data block. */
    transfer: Transfer.None as number, lba: 0, left: 0, block: 1,
  }

  constructor(options: DriveOptions, disk: Disk, serial: string) {
    super(options)
    this.disk = disk
    this.serial = serial
    this.sectors = Math.floor(disk.bytes / SECTOR_BYTES)
    const cylinders = Math.floor(this.sectors / (DEFAULT_HEADS * DEFAULT_SECTORS))
    this.native = {
      cylinders: Math.min(MOST_CYLINDERS, Math.max(1, cylinders)), heads: DEFAULT_HEADS, sectors: DEFAULT_SECTORS,
    }
    this.reset()
  }

  get readyStatus(): number {
    return Status.Drdy | Status.Dsc
  }

  protected setSignature(): void {
    Object.assign(this.task, { count: 1, low: 1, mid: 0, high: 0, device: this.task.device & 0x10 })
  }

  protected saveMore(): DeviceState {
    return snapshot(this.registers)
  }

  protected loadMore(state: DeviceState): void {
    restore(this.options.name, this.registers, state)
    const r = this.registers
    r.heads = Math.min(16, Math.max(1, r.heads))
    r.sectorsPerTrack = Math.min(255, Math.max(1, r.sectorsPerTrack))
    r.block = Math.min(MOST_MULTIPLE, Math.max(1, r.block))
    r.left = Math.min(65536, Math.max(0, r.left))
    r.lba = Math.min(this.sectors, Math.max(0, r.lba))
    r.left = Math.min(r.left, this.sectors - r.lba)
  }

  protected begin(): void {
    const { task } = this
    const kind = transfers.get(task.command)
    if (kind) {
      this.beginTransfer(kind)
      return
    }
    this.registers.transfer = Transfer.None
    if ((task.command & 0xf0) === RECALIBRATE_FIRST || (task.command & 0xf0) === SEEK_FIRST) {
      this.done()
      return
    }
    this.beginOther()
  }

  private beginOther(): void {
    const { task, registers } = this
    switch (task.command) {
      case Command.Identify:
        this.offer(identifyDisk({
          sectors: this.sectors, native: this.native, current: this.currentGeometry(), serial: this.serial,
          multiple: registers.multiple, mostMultiple: MOST_MULTIPLE, multiwordMode: registers.multiwordMode,
          ultraMode: registers.ultraMode,
        }))
        return
      case Command.Diagnostic:
        this.setSignature()
        task.error = DIAGNOSTIC_PASSED
        this.done()
        return
      case Command.InitializeParameters:
        if (task.count === 0) {
          this.fail(AtaError.Abrt)
          return
        }
        registers.heads = (task.device & 15) + 1
        registers.sectorsPerTrack = task.count
        this.done()
        return
      case Command.SetMultiple:
        if (task.count > MOST_MULTIPLE || (task.count & (task.count - 1)) !== 0) {
          this.fail(AtaError.Abrt)
          return
        }
        registers.multiple = task.count
        this.done()
        return
      case Command.SetFeatures:
        this.setFeatures()
        return
      case Command.ReadNativeMax:
        this.setAddress28(Math.min(this.sectors, LBA28_SECTORS) - 1)
        this.done()
        return
      case Command.ReadNativeMaxExt:
        this.setAddress48(this.sectors - 1)
        this.done()
        return
      case Command.CheckPower:
        task.count = POWER_ACTIVE
        this.done()
        return
      case Command.FlushCache:
      case Command.FlushCacheExt:
        registers.transfer = Transfer.Flush
        this.busy()
        return
      case Command.StandbyImmediate:
      case Command.IdleImmediate:
      case Command.Standby:
      case Command.Idle:
      case Command.Sleep:
        this.done()
        return
      default:
        this.fail(AtaError.Abrt)
    }
  }

  private currentGeometry(): Geometry {
    const { heads, sectorsPerTrack } = this.registers
    const cylinders = Math.min(0xffff, Math.floor(this.sectors / (heads * sectorsPerTrack)))
    return { cylinders, heads, sectors: sectorsPerTrack }
  }

  private setFeatures(): void {
    const { task, registers } = this
    if (task.features === FEATURE_TRANSFER_MODE) {
      const mode = task.count & 7
      const kind = task.count >> 3
      // 0 and 1 PIO, 4 multiword DMA, 8 Ultra DMA.
      if (kind === 4 && mode <= 2) Object.assign(registers, { multiwordMode: mode, ultraMode: -1 })
      else if (kind === 8 && mode <= 5) Object.assign(registers, { ultraMode: mode, multiwordMode: -1 })
      else if (kind > 1) {
        this.fail(AtaError.Abrt)
        return
      }
      this.done()
      return
    }
    // Write cache, look-ahead, defaults at reset: on or off makes no difference.
    if ([0x02, 0x82, 0x55, 0xaa, 0x66, 0xcc].includes(task.features)) this.done()
    else this.fail(AtaError.Abrt)
  }

  // --- transfers ---

  private beginTransfer({ transfer, ext, multiple }: TransferKind): void {
    const { task, registers: r } = this
    const count = ext ? (task.previousCount << 8) | task.count : task.count
    const left = count === 0 ? (ext ? 65536 : 256) : count
    const lba = this.address(ext)
    if (multiple && r.multiple === 0) {
      this.fail(AtaError.Abrt)
      return
    }
    if (lba < 0 || lba + left > this.sectors) {
      this.fail(AtaError.Idnf)
      return
    }
    if (this.disk.readOnly && (transfer === Transfer.Write || transfer === Transfer.WriteDma)) {
      this.fail(AtaError.Abrt)
      return
    }
    Object.assign(r, { transfer, lba, left, block: multiple ? r.multiple : 1 })
    this.clearBuffer()
    if (transfer === Transfer.Write) this.ask(Math.min(left, r.block) * SECTOR_BYTES, false)
    else if (transfer === Transfer.ReadDma || transfer === Transfer.WriteDma) this.awaitDma()
    else this.busy()
  }

  /** The first sector of the command, or -1 when there is none such. */
  private address(ext: boolean): number {
    const { task, registers: r } = this
    if (ext)
      return task.low + task.mid * 2 ** 8 + task.high * 2 ** 16 + task.previousLow * 2 ** 24 +
        task.previousMid * 2 ** 32 + task.previousHigh * 2 ** 40
    if (task.device & DEVICE_LBA)
      return task.low | (task.mid << 8) | (task.high << 16) | ((task.device & 15) << 24)
    const cylinder = task.mid | (task.high << 8)
    const head = task.device & 15
    if (task.low === 0 || task.low > r.sectorsPerTrack || head >= r.heads) return -1
    return (cylinder * r.heads + head) * r.sectorsPerTrack + task.low - 1
  }

  private setAddress28(lba: number): void {
    const { task } = this
    Object.assign(task, { low: lba & 0xff, mid: (lba >> 8) & 0xff, high: (lba >> 16) & 0xff })
    task.device = (task.device & ~15) | (lba >> 24)
  }

  private setAddress48(lba: number): void {
    const byte = (n: number) => Math.floor(lba / 2 ** (8 * n)) & 0xff
    Object.assign(this.task, {
      low: byte(0), mid: byte(1), high: byte(2), previousLow: byte(3), previousMid: byte(4), previousHigh: byte(5),
    })
  }

  protected proceed(): void {
    const r = this.registers
    switch (r.transfer) {
      case Transfer.Read:
        this.readBlock()
        return
      case Transfer.Write:
        this.writeBlock()
        return
      case Transfer.ReadDma:
        this.readDma()
        return
      case Transfer.WriteDma:
        this.writeDma()
        return
      case Transfer.Flush:
        this.attempt(() => this.disk.flush(), () => this.done())
        return
      default:
        r.left = 0
        this.done()
    }
  }

  /** Asks the disk source; its errors, thrown or later, end the command. */
  private attempt<T>(ask: () => T | Promise<T>, then: (value: T) => void): void {
    const failed = () => this.fail(AtaError.Unc)
    let answer: T | Promise<T>
    try {
      answer = ask()
    } catch {
      failed()
      return
    }
    this.wait(answer, then, failed)
  }

  private readBlock(): void {
    const r = this.registers
    const count = Math.min(r.left, r.block)
    this.attempt(() => this.disk.read(r.lba * SECTOR_BYTES, count * SECTOR_BYTES), bytes => {
      this.step(count)
      this.offer(bytes.slice())
    })
  }

  private writeBlock(): void {
    const r = this.registers
    const count = Math.min(r.left, Math.floor(this.buffer.length / SECTOR_BYTES))
    const bytes = this.buffer.subarray(0, count * SECTOR_BYTES)
    this.attempt(() => this.disk.write(r.lba * SECTOR_BYTES, bytes), () => {
      this.step(count)
      if (r.left > 0) this.ask(Math.min(r.left, r.block) * SECTOR_BYTES, true)
      else this.done()
    })
  }

  protected dataTaken(): void {
    if (this.registers.transfer === Transfer.Read && this.registers.left > 0) {
      this.busy()
      return
    }
    this.task.phase = Phase.Idle
    this.task.status = this.readyStatus
  }

  private readDma(): void {
    const r = this.registers
    const count = Math.min(r.left, DMA_STEP_SECTORS)
    this.attempt(() => this.disk.read(r.lba * SECTOR_BYTES, count * SECTOR_BYTES), bytes =>
      this.dmaMoved(count, this.options.busMaster.store(bytes)))
  }

  /** What memory has given is kept until it is written: the table of the bus master gives it once. */
  private writeDma(): void {
    const { task, registers: r } = this
    const count = Math.min(r.left, DMA_STEP_SECTORS)
    if (task.length === 0) {
      this.buffer = new Uint8Array(count * SECTOR_BYTES)
      task.length = this.options.busMaster.fetch(this.buffer)
    }
    const moved = task.length
    const whole = Math.floor(moved / SECTOR_BYTES)
    this.attempt(() => this.disk.write(r.lba * SECTOR_BYTES, this.buffer.subarray(0, whole * SECTOR_BYTES)), () => {
      this.clearBuffer()
      this.dmaMoved(count, moved)
    })
  }

  private clearBuffer(): void {
    this.buffer = new Uint8Array(0)
    this.task.length = 0
  }

  /** `moved` bytes of `count` sectors went over; fewer when the table of the bus master was too short. */
  private dmaMoved(count: number, moved: number): void {
    const r = this.registers
    this.step(Math.floor(moved / SECTOR_BYTES))
    if (moved < count * SECTOR_BYTES) this.awaitMore()
    else if (r.left > 0) this.busMasterGoesOn()
    else {
      this.options.busMaster.finish()
      this.done()
    }
  }

  private step(count: number): void {
    this.registers.lba += count
    this.registers.left -= count
  }
}
