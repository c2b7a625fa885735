/**
 * ATAPI CD-ROM drive: the packet protocol by PIO and DMA, and the disc in it.
 *
 *   PACKET -> 12 bytes -> packet-commands.ts says what to answer -> data blocks of at most the host's byte count
 *
 * The disc is a `Disk` of sectors of 2048 bytes with one data track; it can be changed while the machine runs.
 * Sources: ATA/ATAPI-6 (T13 1410D), 9.8 and 9.9 (PACKET); SFF-8020i; MMC-3 (T10 1363D).
 */
import type { Disk } from '../../disks/disk.ts'
import type { DeviceState } from '../device.ts'
import { restore, snapshot } from '../state.ts'
import { AtaError, DIAGNOSTIC_PASSED, Drive, type DriveOptions, Phase, RESET_COMMAND, Status } from './drive.ts'
import { identifyCdrom } from './identify.ts'
import { answerPacket, type DiscView, NO_SENSE, type Sense, senseNumber, Senses } from './packet-commands.ts'

export const CD_SECTOR_BYTES = 2048
const PACKET_BYTES = 12
/** Sectors of one step. */
const STEP_SECTORS = 64
const MOST_BYTE_COUNT = 0xfffe
const FEATURE_DMA = 0x01
const FEATURE_TRANSFER_MODE = 0x03

/** Interrupt reason, in the count register. */
const REASON_COMMAND = 0x01
const REASON_TO_HOST = 0x02

enum Command {
  ExecuteDiagnostic = 0x90, Packet = 0xa0, IdentifyPacket = 0xa1, ReadSectors = 0x20, StandbyImmediate = 0xe0,
  IdleImmediate = 0xe1, CheckPower = 0xe5, Sleep = 0xe6, FlushCache = 0xe7, Identify = 0xec, SetFeatures = 0xef,
}
const POWER_ACTIVE = 0xff

enum Stage { None, Packet, Reply, Read }

export class CdRom extends Drive {
  private disc: Disk | undefined
  /** The disc that the host has put in last: a saved state says whether the guest has ejected it since. */
  private medium: Disk | undefined
  private readonly serial: string
  private readonly registers = {
    stage: Stage.None as number, dma: false, limit: MOST_BYTE_COUNT,
    /** The answer under way: how much of `reply` has been given; sectors still to read behind it. */
    given: 0, lba: 0, left: 0,
    sense: NO_SENSE, locked: false, changed: false, multiwordMode: 2, ultraMode: 2,
  }
  private reply: Uint8Array = new Uint8Array(0)

  constructor(options: DriveOptions, disc: Disk | undefined, serial: string) {
    super(options)
    this.disc = disc
    this.medium = disc
    this.serial = serial
    this.registers.changed = disc !== undefined
    this.reset()
  }

  /** Puts a disc in, or takes it out; the guest is told by unit attention. */
  insert(disc: Disk | undefined): void {
    this.disc = disc
    this.medium = disc
    this.registers.changed = true
  }

  get isLoaded(): boolean {
    return this.disc !== undefined
  }

  get readyStatus(): number {
    return Status.Drdy
  }

  protected setSignature(): void {
    Object.assign(this.task, { count: 1, low: 1, mid: 0x14, high: 0xeb, device: this.task.device & 0x10 })
    // DRDY stays clear until the first packet (ATA/ATAPI-6, 9.12).
    this.task.status = 0
  }

  override reset(): void {
    super.reset()
    Object.assign(this.registers, { stage: Stage.None, dma: false, given: 0, lba: 0, left: 0, locked: false })
    this.reply = new Uint8Array(0)
  }

  protected saveMore(): DeviceState {
    return { registers: snapshot(this.registers), reply: this.reply.slice(), loaded: this.isLoaded }
  }

  protected loadMore(state: DeviceState): void {
    restore(this.options.name, this.registers, (state?.registers ?? {}) as DeviceState)
    this.reply = state?.reply instanceof Uint8Array ? state.reply.slice() : new Uint8Array(0)
    if (typeof state?.loaded === 'boolean') this.disc = state.loaded ? this.medium : undefined
    const r = this.registers
    r.given = Math.min(Math.max(0, r.given), this.reply.length)
    r.limit = Math.min(MOST_BYTE_COUNT, Math.max(2, r.limit))
    r.lba = Math.max(0, r.lba)
    r.left = Math.min(Math.max(0, r.left), Math.max(0, this.discSectors - r.lba))
  }

  private get discSectors(): number {
    return this.disc ? Math.floor(this.disc.bytes / CD_SECTOR_BYTES) : 0
  }

  protected begin(): void {
    const { task, registers: r } = this
    r.stage = Stage.None
    switch (task.command) {
      case RESET_COMMAND:
        this.reset()
        return
      case Command.Packet:
        this.beginPacket()
        return
      case Command.IdentifyPacket:
        this.offer(identifyCdrom(this.serial, r.multiwordMode, r.ultraMode))
        return
      case Command.ExecuteDiagnostic:
        this.setSignature()
        task.error = DIAGNOSTIC_PASSED
        this.setInterrupt(true)
        return
      case Command.Identify:
      case Command.ReadSectors:
        // The signature tells what kind of drive this is.
        this.setSignature()
        this.fail(AtaError.Abrt)
        return
      case Command.SetFeatures:
        this.setFeatures()
        return
      case Command.CheckPower:
        task.count = POWER_ACTIVE
        this.done()
        return
      case Command.StandbyImmediate:
      case Command.IdleImmediate:
      case Command.Sleep:
      case Command.FlushCache:
        this.done()
        return
      default:
        this.fail(AtaError.Abrt)
    }
  }

  private setFeatures(): void {
    const { task, registers } = this
    const mode = task.count & 7
    const kind = task.count >> 3
    if (task.features === FEATURE_TRANSFER_MODE) {
      if (kind === 4 && mode <= 2) Object.assign(registers, { multiwordMode: mode, ultraMode: -1 })
      else if (kind === 8 && mode <= 5) Object.assign(registers, { ultraMode: mode, multiwordMode: -1 })
    }
    this.done()
  }

  // --- packets ---

  private beginPacket(): void {
    const { task, registers: r } = this
    r.dma = (task.features & FEATURE_DMA) !== 0
    const limit = task.mid | (task.high << 8)
    r.limit = limit === 0 || limit === 0xffff ? MOST_BYTE_COUNT : Math.max(2, limit)
    r.stage = Stage.Packet
    task.count = REASON_COMMAND
    this.ask(PACKET_BYTES, false)
  }

  protected proceed(): void {
    const r = this.registers
    if (r.stage === Stage.Packet) this.carryOut(this.buffer.slice(0, PACKET_BYTES))
    else if (r.given < this.reply.length) this.give()
    else if (r.left > 0) this.readMore()
    else this.succeed()
  }

  private carryOut(packet: Uint8Array): void {
    const r = this.registers
    const answer = answerPacket(packet, this.view())
    this.reply = new Uint8Array(0)
    Object.assign(r, { given: 0, left: 0, stage: Stage.Reply })
    if (answer.keepsSense !== true) r.sense = NO_SENSE
    if (answer.forgetsChange) r.changed = false
    if (answer.locked !== undefined) r.locked = answer.locked
    if (answer.eject) {
      this.disc = undefined
      this.registers.changed = true
    }
    if (answer.failure) {
      this.refuse(answer.failure)
    } else if (answer.read) {
      Object.assign(r, { stage: Stage.Read, lba: answer.read.lba, left: answer.read.sectors })
      this.proceed()
    } else {
      this.reply = answer.data ?? new Uint8Array(0)
      this.proceed()
    }
  }

  private view(): DiscView {
    const { registers: r } = this
    return {
      sectors: this.discSectors, isLoaded: this.isLoaded, hasChanged: r.changed, isLocked: r.locked, sense: r.sense,
    }
  }

  private refuse(sense: Sense): void {
    this.registers.sense = senseNumber(sense)
    this.registers.stage = Stage.None
    this.task.count = REASON_COMMAND | REASON_TO_HOST
    this.fail((sense.key << 4) | AtaError.Abrt)
  }

  private succeed(): void {
    this.registers.stage = Stage.None
    this.task.count = REASON_COMMAND | REASON_TO_HOST
    if (this.registers.dma) this.options.busMaster.finish()
    this.done()
  }

  private readMore(): void {
    const r = this.registers
    const count = Math.min(r.left, STEP_SECTORS)
    const failed = () => this.refuse(Senses.readError)
    const { disc } = this
    if (!disc || r.lba + count > this.discSectors) {
      this.refuse(Senses.noMedium)
      return
    }
    let answer: Uint8Array | Promise<Uint8Array>
    try {
      answer = disc.read(r.lba * CD_SECTOR_BYTES, count * CD_SECTOR_BYTES)
    } catch {
      failed()
      return
    }
    this.wait(answer, bytes => {
      r.lba += count
      r.left -= count
      this.reply = bytes.slice()
      r.given = 0
      this.give()
    }, failed)
  }

  /** Hands the next piece of the reply to the host. */
  private give(): void {
    const { task, registers: r } = this
    const rest = this.reply.length - r.given
    if (r.dma) {
      if (!this.options.busMaster.started) {
        this.awaitDma()
        return
      }
      const moved = this.options.busMaster.store(this.reply.subarray(r.given))
      r.given += moved
      if (moved < rest) this.awaitMore()
      else if (r.left > 0) this.busMasterGoesOn()
      else this.succeed()
      return
    }
    // Only the last block may have an odd number of bytes.
    const limit = rest > r.limit ? r.limit & ~1 : r.limit
    const count = Math.min(rest, limit)
    task.count = REASON_TO_HOST
    task.mid = count & 0xff
    task.high = count >> 8
    const piece = this.reply.slice(r.given, r.given + count)
    r.given += count
    this.offer(piece)
  }

  protected dataTaken(): void {
    if (this.registers.stage === Stage.None) {
      this.task.phase = Phase.Idle
      this.task.status = this.readyStatus
      return
    }
    this.busy()
  }
}
