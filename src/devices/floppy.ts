/**
 * Floppy disk controller: Intel 82077AA with two drives.
 *
 *     const floppy = new Floppy({ bus, clock, irq6: pic.line(6), dma, drives: [disk, undefined], onWake })
 *
 * Ports: 3F2h digital output, 3F3h tape, 3F4h main status and data rate, 3F5h data, 3F7h digital input and
 * configuration control. IRQ 6, DMA channel 2. Source: Intel 82077AA datasheet.
 *
 *   Command (bytes arrive) -> Execution (timer: a sector each time, by DMA or byte by byte) -> Result (bytes leave)
 */
import type { Disk } from '../disks/disk.ts'
import type { Bus, Clock, Device, DeviceState, IrqLine, Timer } from './device.ts'
import type { Dma } from './dma.ts'
import { commandBytes, commandOf, FloppyCommand, MULTI_TRACK } from './floppy/commands.ts'
import { FloppyDrive, store } from './floppy/drive.ts'
import { type DataRate, FLOPPY_SECTOR_BYTES } from './floppy/formats.ts'
import { Event, newRegisters, Phase, tidy } from './floppy/phases.ts'
import {
  CONFIGURE_IMPLIED_SEEK, DMA_CHANNEL, dumpOf, INPUT_CHANGED, LOCKED, OUTPUT_DMA, OUTPUT_NO_RESET, Port, RATE_MASK,
  RATE_RESET, RESET_NS, RETRY_NS, SECTOR_NS, SECTOR_SIZE_512, SEEK_STEP_NS, SPECIFY_NO_DMA, ST0_ABNORMAL,
  ST0_INVALID, ST0_NOT_READY, ST0_POLLED, ST0_SEEK_END, ST1_END, ST1_NO_DATA, ST1_NO_MARK, ST1_WRITE_PROTECTED,
  ST2_NO_MARK, ST2_WRONG_CYLINDER, ST3_READY, ST3_TRACK_0, ST3_TWO_SIDES, ST3_WRITE_PROTECTED, STATUS_BUSY,
  STATUS_PIO, STATUS_READY, STATUS_TO_HOST, VERSION_82077,
} from './floppy/registers.ts'
import { isScan, scanStatus, ST2_SCAN_NOT_SATISFIED } from './floppy/scan.ts'
import { restore, snapshot } from './state.ts'

export interface FloppyOptions {
  bus: Bus
  clock: Clock
  irq6: IrqLine
  dma: Pick<Dma, 'store' | 'fetch' | 'isOpen'>
  /** Drives A and B: a disk, `null` for a drive without one, undefined for no drive. */
  drives: readonly [Disk | null | undefined, Disk | null | undefined]
  onWake: () => void
}

export class Floppy implements Device {
  readonly name = 'floppy'
  private readonly options: FloppyOptions
  private readonly timer: Timer
  private readonly drives: readonly (FloppyDrive | undefined)[]
  private generation = 0
  private readonly registers = newRegisters()
  private buffer: Uint8Array = new Uint8Array(FLOPPY_SECTOR_BYTES)

  constructor(options: FloppyOptions) {
    this.options = options
    this.drives = options.drives.map(disk => (disk === undefined ? undefined : new FloppyDrive(disk ?? undefined)))
    this.timer = options.clock.timer('floppy', () => this.fire())
    options.bus.claimPorts(Port.Output, Port.Data, {
      read8: port => this.read(port), write8: (port, value) => this.write(port, value),
    })
    options.bus.claimPorts(Port.Input, Port.Input, {
      read8: () => this.drives[this.selected]?.registers.changed ? INPUT_CHANGED : 0,
      write8: (_port, value) => {
        this.registers.rate = value & RATE_MASK
      },
    })
  }

  /** Changes the disk in drive A (0) or B (1). */
  insert(drive: number, disk: Disk | undefined): void {
    this.drives[drive]?.insert(disk)
  }

  reset(): void {
    const r = this.registers
    this.clear()
    Object.assign(r, { output: 0, rate: 2, tape: 0, configuration: [0, 0, 0], perpendicular: 0, locked: false })
    r.pending = [-1, -1, -1, -1]
    for (const drive of this.drives) if (drive) Object.assign(drive.registers, { cylinder: 0, changed: true })
  }

  save(): DeviceState {
    return {
      registers: snapshot(this.registers), buffer: this.buffer.slice(),
      drives: this.drives.map(drive => (drive ? snapshot(drive.registers) : {})),
    }
  }

  load(state: DeviceState): void {
    const saved = { buffer: new Uint8Array(FLOPPY_SECTOR_BYTES) }
    restore(this.name, saved, state)
    restore(this.name, this.registers, (state.registers ?? {}) as DeviceState)
    this.generation++
    this.buffer = saved.buffer
    const { drives } = state
    this.drives.forEach((drive, i) => {
      if (!drive) return
      restore(this.name, drive.registers, (Array.isArray(drives) ? drives[i] : {}) as DeviceState)
      drive.registers.cylinder = Math.min(84, Math.max(0, drive.registers.cylinder))
    })
    const r = this.registers
    tidy(r)
    if (r.phase === Phase.Waiting) {
      r.phase = Phase.Execution
      this.later(r.again, SECTOR_NS)
    }
  }

  private get selected(): number {
    return this.registers.output & 3
  }

  // --- ports ---

  private read(port: number): number {
    const r = this.registers
    if (port === Port.Output) return r.output
    if (port === Port.Tape) return r.tape
    return port === Port.Status ? this.mainStatus() : this.readData()
  }

  private mainStatus(): number {
    const r = this.registers
    if (!(r.output & OUTPUT_NO_RESET) || r.event === Event.Reset) return 0
    switch (r.phase) {
      case Phase.Idle:
        return STATUS_READY | r.busyDrives
      case Phase.Command:
        return STATUS_READY | STATUS_BUSY | r.busyDrives
      case Phase.Result:
        return STATUS_READY | STATUS_TO_HOST | STATUS_BUSY | r.busyDrives
      default:
        if (!r.pio) return STATUS_BUSY
        return STATUS_BUSY | STATUS_PIO | (this.wantsByte ? STATUS_READY : 0) | (this.isWriting ? 0 : STATUS_TO_HOST)
    }
  }

  /** By PIO: a byte of the sector is to be taken or given. */
  private get wantsByte(): boolean {
    return this.registers.pio && this.registers.phase === Phase.Execution && this.registers.event === Event.None
  }

  /** The host sends data, to be written or to be compared with. */
  private get isWriting(): boolean {
    const command = this.current
    return isScan(command) || command === FloppyCommand.Write || command === FloppyCommand.WriteDeleted || command === FloppyCommand.Format
  }

  private get current(): FloppyCommand | undefined {
    return commandOf(this.registers.command[0] ?? -1)
  }

  private readData(): number {
    const r = this.registers
    this.setInterrupt(false)
    if (r.phase === Phase.Result) {
      const value = r.result.shift() ?? 0
      if (r.result.length === 0) this.becomeIdle()
      return value
    }
    if (!this.wantsByte || this.isWriting) return 0
    const value = this.buffer[r.position++]
    if (r.position === FLOPPY_SECTOR_BYTES) this.sectorMoved(false)
    else this.setInterrupt(true)
    return value
  }

  private write(port: number, value: number): void {
    const r = this.registers
    if (port === Port.Output) this.writeOutput(value)
    else if (port === Port.Tape) r.tape = value
    else if (port === Port.Status) {
      r.rate = value & RATE_MASK
      if (value & RATE_RESET) {
        this.clear()
        this.later(Event.Reset, RESET_NS)
      }
    } else this.writeData(value)
  }

  private writeOutput(value: number): void {
    const r = this.registers
    const starts = (value & ~r.output & OUTPUT_NO_RESET) !== 0
    const stops = (r.output & ~value & OUTPUT_NO_RESET) !== 0
    r.output = value
    if (stops) this.clear()
    if (starts) this.later(Event.Reset, RESET_NS)
    this.driveInterrupt()
  }

  private writeData(value: number): void {
    const r = this.registers
    if (!(r.output & OUTPUT_NO_RESET) || r.event === Event.Reset) return
    if (this.wantsByte && this.isWriting) {
      this.setInterrupt(false)
      this.buffer[r.position++] = value
      if (r.position === FLOPPY_SECTOR_BYTES) this.writeSector(FLOPPY_SECTOR_BYTES, false)
      else this.setInterrupt(true)
      return
    }
    if (r.phase !== Phase.Idle && r.phase !== Phase.Command) return
    if (r.phase === Phase.Idle) r.command = []
    r.command.push(value)
    r.phase = Phase.Command
    const command = this.current
    if (command === undefined) this.finish([ST0_INVALID], false)
    else if (r.command.length === commandBytes(command)) this.execute(command)
  }

  // --- commands ---

  private execute(command: FloppyCommand): void {
    const r = this.registers
    const [, first = 0, second = 0, third = 0] = r.command
    switch (command) {
      case FloppyCommand.Specify:
        r.specify = [first, second]
        this.becomeIdle()
        return
      case FloppyCommand.SenseDrive:
        this.finish([this.status3(first)], false)
        return
      case FloppyCommand.SenseInterrupt:
        this.senseInterrupt()
        return
      case FloppyCommand.Recalibrate:
        this.seek(first & 3, 0)
        return
      case FloppyCommand.Seek:
        this.seek(first & 3, second)
        return
      case FloppyCommand.SeekIn:
      case FloppyCommand.SeekOut: {
        const from = this.drives[first & 3]?.registers.cylinder ?? 0
        this.seek(first & 3, command === FloppyCommand.SeekIn ? from + second : from - second)
        return
      }
      case FloppyCommand.Version:
        this.finish([VERSION_82077], false)
        return
      case FloppyCommand.DumpRegisters:
        this.finish(dumpOf(r, [0, 1, 2, 3].map(i => this.drives[i]?.registers.cylinder ?? 0)), false)
        return
      case FloppyCommand.Perpendicular:
        r.perpendicular = first
        this.becomeIdle()
        return
      case FloppyCommand.Configure:
        r.configuration = [first, second, third]
        this.becomeIdle()
        return
      case FloppyCommand.Lock:
      case FloppyCommand.Unlock:
        r.locked = command === FloppyCommand.Lock
        this.finish([r.locked ? LOCKED : 0], false)
        return
      case FloppyCommand.ReadId:
        r.phase = Phase.Execution
        r.pio = false
        r.head = (first >> 2) & 1
        this.later(Event.ReadId, SECTOR_NS)
        return
      default:
        this.beginTransfer(command)
    }
  }

  private status3(selection: number): number {
    const drive = this.drives[selection & 3]
    return (selection & 7) | ST3_READY | ST3_TWO_SIDES | (drive?.registers.cylinder === 0 ? ST3_TRACK_0 : 0) |
      (drive?.isWriteProtected && drive.medium ? ST3_WRITE_PROTECTED : 0)
  }

  private senseInterrupt(): void {
    const r = this.registers
    this.setInterrupt(false)
    const drive = r.pending.findIndex(status => status >= 0)
    if (drive < 0) {
      this.finish([ST0_INVALID], false)
      return
    }
    const status = r.pending[drive]
    r.pending[drive] = -1
    this.finish([status, this.drives[drive]?.registers.cylinder ?? 0], false)
  }

  private seek(drive: number, cylinder: number): void {
    const r = this.registers
    const distance = Math.abs((this.drives[drive]?.registers.cylinder ?? 0) - cylinder)
    r.busyDrives |= 1 << drive
    r.seekDrive = drive
    r.seekTarget = cylinder
    r.phase = Phase.Idle
    r.command = []
    this.later(Event.Seek, SEEK_STEP_NS * (1 + distance))
  }

  private beginTransfer(command: FloppyCommand): void {
    const r = this.registers
    const [first, selection, cylinder, , sector, , last] = r.command
    const drive = this.drives[selection & 3]
    r.phase = Phase.Execution
    r.head = (selection >> 2) & 1
    r.pio = (r.specify[1] & SPECIFY_NO_DMA) !== 0 || !(r.output & OUTPUT_DMA)
    r.position = 0
    if (command === FloppyCommand.Format) {
      r.formatLeft = r.command[3]
      r.lastSector = r.command[3]
      this.later(Event.FormatTrack, SECTOR_NS)
      return
    }
    r.multiTrack = (first & MULTI_TRACK) !== 0
    r.sector = command === FloppyCommand.ReadTrack ? 1 : sector
    r.lastSector = last
    if (r.configuration[1] & CONFIGURE_IMPLIED_SEEK) drive?.moveTo(cylinder)
    this.later(Event.Sector, SECTOR_NS)
  }

  // --- execution ---

  private later(event: Event, delay: number): void {
    this.registers.event = event
    this.timer.schedule(this.options.clock.now() + delay)
  }

  private fire(): void {
    const r = this.registers
    const event = r.event
    r.event = Event.None
    switch (event) {
      case Event.Reset:
        // Polling finds that every drive's ready line has changed.
        if (!(r.output & OUTPUT_NO_RESET)) return
        r.pending = [0, 1, 2, 3].map(drive => ST0_POLLED | drive)
        this.setInterrupt(true)
        return
      case Event.Seek:
        this.drives[r.seekDrive]?.moveTo(r.seekTarget)
        r.busyDrives &= ~(1 << r.seekDrive)
        r.pending[r.seekDrive] = ST0_SEEK_END | r.seekDrive
        this.setInterrupt(true)
        return
      case Event.ReadId:
        this.readId()
        return
      case Event.Sector:
        if (r.phase === Phase.Execution) this.nextSector()
        return
      case Event.FormatTrack:
        if (r.phase === Phase.Execution) this.formatSector()
        return
      case Event.WriteSector:
        if (r.phase === Phase.Execution) this.writeSector(r.moved, r.terminal)
        return
      case Event.WriteFormat:
        if (r.phase === Phase.Execution) this.writeFormat()
    }
  }

  private get drive(): FloppyDrive | undefined {
    return this.drives[(this.registers.command[1] ?? 0) & 3]
  }

  /** What keeps the head from finding any sector: status 0, 1 and 2, or undefined. */
  private obstacle(): [number, number, number] | undefined {
    const medium = this.drive?.medium
    if (!medium) return [ST0_ABNORMAL | ST0_NOT_READY, 0, 0]
    return medium.format.rate === (this.registers.rate as DataRate) ? undefined : [ST0_ABNORMAL, ST1_NO_MARK, ST2_NO_MARK]
  }

  private readId(): void {
    const r = this.registers
    const obstacle = this.obstacle()
    const cylinder = this.drive?.registers.cylinder ?? 0
    const found = this.drive?.place(r.head, 1) !== undefined
    r.sector = 1
    if (obstacle) this.endTransfer(...obstacle)
    else if (found) this.endTransfer(0, 0, 0, cylinder)
    else this.endTransfer(ST0_ABNORMAL, ST1_NO_MARK, ST2_NO_MARK)
  }

  /** The next sector of a read, write, verify or scan comes under the head. */
  private nextSector(): void {
    const r = this.registers
    const obstacle = this.obstacle()
    if (obstacle) {
      this.endTransfer(...obstacle)
      return
    }
    const { drive } = this
    // SeaBIOS names a last sector beyond the track where a transfer crosses to the other side.
    const sectors = drive?.medium?.format.sectors ?? 0
    if (r.multiTrack && r.head === 0 && r.sector > sectors && r.command[4] <= sectors) Object.assign(r, { head: 1, sector: 1 })
    const place = drive?.place(r.head, r.sector)
    const [, , cylinder, , , size] = r.command
    if (!drive?.medium || place === undefined || size !== SECTOR_SIZE_512) {
      this.endTransfer(ST0_ABNORMAL, ST1_NO_DATA, 0)
    } else if (cylinder !== drive.registers.cylinder) {
      this.endTransfer(ST0_ABNORMAL, ST1_NO_DATA, ST2_WRONG_CYLINDER)
    } else if (this.isWriting) {
      if (drive.isWriteProtected && !isScan(this.current)) this.endTransfer(ST0_ABNORMAL, ST1_WRITE_PROTECTED, 0)
      else this.takeSector()
    } else {
      this.ask(Event.Sector, () => drive.medium?.disk.read(place, FLOPPY_SECTOR_BYTES) ?? this.buffer, bytes => this.giveSector(bytes))
    }
  }

  /** Waits for a disk source; what it cannot read is a sector without data. A state saved meanwhile begins at `again`. */
  private ask<T>(again: Event, question: () => T | Promise<T>, then: (value: T) => void): void {
    const r = this.registers
    const failed = () => this.endTransfer(ST0_ABNORMAL, ST1_NO_DATA, 0)
    let answer: T | Promise<T>
    try {
      answer = question()
    } catch {
      failed()
      return
    }
    if (!(answer instanceof Promise)) {
      then(answer)
      return
    }
    Object.assign(r, { phase: Phase.Waiting, again })
    const { generation } = this
    const ifCurrent = (action: () => void) => {
      if (generation !== this.generation) return
      r.phase = Phase.Execution
      action()
      this.options.onWake()
    }
    answer.then(value => ifCurrent(() => then(value)), () => ifCurrent(failed))
  }

  private giveSector(bytes: Uint8Array): void {
    const r = this.registers
    this.buffer.set(bytes.subarray(0, FLOPPY_SECTOR_BYTES))
    if (this.current === FloppyCommand.Verify) {
      this.sectorMoved(false)
    } else if (r.pio) {
      r.position = 0
      this.setInterrupt(true)
    } else if (!this.options.dma.isOpen(DMA_CHANNEL)) {
      this.later(Event.Sector, RETRY_NS)
    } else {
      const { terminal } = this.options.dma.store(DMA_CHANNEL, this.buffer)
      this.sectorMoved(terminal)
    }
  }

  private takeSector(): void {
    const r = this.registers
    if (r.pio) {
      r.position = 0
      this.setInterrupt(true)
    } else if (!this.options.dma.isOpen(DMA_CHANNEL)) {
      this.later(Event.Sector, RETRY_NS)
    } else {
      this.buffer.fill(0)
      const { moved, terminal } = this.options.dma.fetch(DMA_CHANNEL, this.buffer)
      this.writeSector(moved, terminal)
    }
  }

  /** Writes the buffer; a last sector of which only a part came is filled up with zeros. */
  private writeSector(moved: number, terminal: boolean): void {
    const { drive, registers: r } = this
    const place = drive?.place(r.head, r.sector)
    const disk = drive?.medium?.disk
    const scans = isScan(this.current)
    if (!disk || place === undefined || (drive.isWriteProtected && !scans)) {
      this.endTransfer(ST0_ABNORMAL, ST1_NO_DATA, 0)
      return
    }
    Object.assign(this.registers, { moved, terminal })
    if (scans) {
      const sent = this.buffer.slice(0, moved)
      this.ask(Event.WriteSector, () => disk.read(place, FLOPPY_SECTOR_BYTES), bytes => this.sectorScanned(bytes, sent, terminal))
      return
    }
    this.buffer.fill(0, moved)
    this.ask(Event.WriteSector, () => store(disk, place, this.buffer.slice()), () => this.sectorMoved(terminal))
  }

  /** A scan ends at the first sector that satisfies it; else it goes on, by one or two sectors. */
  private sectorScanned(sector: Uint8Array, sent: Uint8Array, terminal: boolean): void {
    const r = this.registers
    const status = scanStatus(this.current, sector, sent)
    const step = Math.max(1, r.command[8])
    const ends = terminal || r.sector + step > r.lastSector
    if (status !== ST2_SCAN_NOT_SATISFIED || ends) this.endTransfer(0, 0, status)
    else {
      r.sector += step
      this.later(Event.Sector, SECTOR_NS)
    }
  }

  /** A sector is done; the next one follows unless the DMA count has run out or this was the last one. */
  private sectorMoved(terminal: boolean): void {
    const r = this.registers
    const wasLast = this.stepSector()
    if (terminal) this.endTransfer(0, 0, 0)
    else if (wasLast) this.endTransfer(r.pio || this.current === FloppyCommand.Verify ? 0 : ST0_ABNORMAL, ST1_END, 0)
    else this.later(Event.Sector, SECTOR_NS)
  }

  /** Counts on as the result table of the datasheet says; returns whether the last sector of the command is done. */
  private stepSector(): boolean {
    const r = this.registers
    if (r.sector !== r.lastSector) {
      r.sector = (r.sector + 1) & 0xff
      return false
    }
    r.sector = 1
    if (r.multiTrack && r.head === 0) {
      r.head = 1
      return false
    }
    if (r.multiTrack) r.head = 0
    r.command[2] = (r.command[2] + 1) & 0xff
    return true
  }

  /** One sector of FORMAT TRACK: its identification comes by DMA or PIO; the data is the filler byte. */
  private formatSector(): void {
    const r = this.registers
    const obstacle = this.obstacle()
    const { drive } = this
    const disk = drive?.medium?.disk
    if (obstacle || !drive || !disk) {
      this.endTransfer(...(obstacle ?? [ST0_ABNORMAL | ST0_NOT_READY, 0, 0]))
      return
    }
    if (drive.isWriteProtected) {
      this.endTransfer(ST0_ABNORMAL, ST1_WRITE_PROTECTED, 0)
      return
    }
    if (!this.options.dma.isOpen(DMA_CHANNEL)) {
      this.later(Event.FormatTrack, RETRY_NS)
      return
    }
    const identification = new Uint8Array(4)
    r.terminal = this.options.dma.fetch(DMA_CHANNEL, identification).terminal
    r.formatted = identification[2]
    r.formatLeft--
    this.writeFormat()
  }

  /** Fills the sector whose identification has come. */
  private writeFormat(): void {
    const { drive, registers: r } = this
    const disk = drive?.medium?.disk
    const place = drive?.place(r.head, r.formatted)
    const goOn = () => {
      if (r.terminal || r.formatLeft <= 0) this.endTransfer(0, 0, 0)
      else this.later(Event.FormatTrack, SECTOR_NS)
    }
    const filler = new Uint8Array(FLOPPY_SECTOR_BYTES).fill(r.command[5])
    if (!disk || place === undefined) goOn()
    else this.ask(Event.WriteFormat, () => store(disk, place, filler), goOn)
  }

  private endTransfer(status0: number, status1: number, status2: number, cylinder?: number): void {
    const r = this.registers
    const drive = (r.command[1] ?? 0) & 3
    const format = this.current === FloppyCommand.Format
    this.finish([
      status0 | drive | (r.head << 2), status1, status2, cylinder ?? (format ? 0 : r.command[2] ?? 0), r.head, r.sector,
      SECTOR_SIZE_512,
    ], true)
  }

  private finish(result: number[], interrupts: boolean): void {
    this.registers.result = result
    this.registers.phase = Phase.Result
    if (interrupts) this.setInterrupt(true)
  }

  private becomeIdle(): void {
    this.registers.phase = Phase.Idle
    this.registers.command = []
  }

  /** Reset: ends whatever is going on. */
  private clear(): void {
    const r = this.registers
    this.generation++
    this.timer.cancel()
    Object.assign(r, {
      phase: Phase.Idle, event: Event.None, command: [], result: [], busyDrives: 0, position: 0, formatLeft: 0,
    })
    r.pending = [-1, -1, -1, -1]
    if (!r.locked) r.configuration = [0, 0, 0]
    this.setInterrupt(false)
  }

  private setInterrupt(level: boolean): void {
    this.registers.interrupt = level
    this.driveInterrupt()
  }

  private driveInterrupt(): void {
    this.options.irq6.set(this.registers.interrupt && (this.registers.output & OUTPUT_DMA) !== 0)
  }
}
