/**
 * Real-time clock and CMOS RAM: Motorola MC146818 with 128 bytes, and the NMI mask of port 70h.
 *
 *     const rtc = new Rtc({ bus, clock, irq8: pic.line(8), startEpochMs: Date.UTC(2024, 0, 1), memoryBytes: 2 ** 28 })
 *     rtc.setByte(0x10, 0x40)          // firmware's settings; the standard checksum follows
 *
 * Ports: 70h index (bit 7 masks NMI, write only), 71h data. IRQ 8. The time of day counts virtual seconds from
 * `startEpochMs` (UTC). Sources: MC146818 datasheet (Motorola ADI-1026); IBM PC AT Technical Reference, CMOS RAM.
 *
 * Time is lazy: `sync` adds the seconds that have passed to the ten calendar bytes and collects the interrupt
 * flags. A timer runs only while an enabled interrupt can still raise IRQ 8.
 */
import type { Bus, Clock, Device, DeviceState, IrqLine, Timer } from './device.ts'
import { Frequency } from './frequency.ts'
import { restore, snapshot } from './state.ts'

const PORT_INDEX = 0x70
const PORT_DATA = 0x71
const NMI_MASK = 0x80
const CMOS_BYTES = 128

export enum Cmos {
  Seconds = 0x00, SecondsAlarm = 0x01, Minutes = 0x02, MinutesAlarm = 0x03, Hours = 0x04, HoursAlarm = 0x05,
  DayOfWeek = 0x06, DayOfMonth = 0x07, Month = 0x08, Year = 0x09,
  RegisterA = 0x0a, RegisterB = 0x0b, RegisterC = 0x0c, RegisterD = 0x0d,
  FloppyTypes = 0x10, DiskTypes = 0x12, Equipment = 0x14, BaseMemoryLow = 0x15, BaseMemoryHigh = 0x16,
  ExtendedMemoryLow = 0x17, ExtendedMemoryHigh = 0x18, ChecksumHigh = 0x2e, ChecksumLow = 0x2f,
  ActualExtendedLow = 0x30, ActualExtendedHigh = 0x31, Century = 0x32,
  Above16MLow = 0x34, Above16MHigh = 0x35,
}

const CHECKSUM_FIRST = 0x10
const CHECKSUM_LAST = 0x2d

const A_UIP = 0x80
/** Divider codes 11x hold the divider chain in reset. */
const A_DIVIDER_RESET = 0x60
const A_RATE = 0x0f
const A_POWER_ON = 0x26
const B_SET = 0x80
const B_PIE = 0x40
const B_AIE = 0x20
const B_UIE = 0x10
const B_SQWE = 0x08
const B_BINARY = 0x04
const B_24_HOURS = 0x02
const C_IRQF = 0x80
const C_PF = 0x40
const C_AF = 0x20
const C_UF = 0x10
const D_VALID = 0x80
const HOURS_PM = 0x80
/** Alarm bytes with both top bits set match anything. */
const ALARM_ANY = 0xc0

const NS_PER_SECOND = 1_000_000_000
const NS_PER_MS = 1_000_000
/** UIP rises 244 us before the update, which takes 1984 us with the 32.768 kHz time base. */
const UPDATE_NS = 1_984_000 + 244_000
/** After the divider's reset ends, the first update comes half a second later. */
const FIRST_UPDATE_NS = NS_PER_SECOND / 2
const SECONDS_PER_DAY = 86_400
const MS_PER_DAY = SECONDS_PER_DAY * 1000
const TIME_BASE_HERTZ = 32_768

const KIB = 1024
const MIB = 1024 * 1024

export interface RtcOptions {
  bus: Bus
  clock: Clock
  irq8: IrqLine
  /** The time of day (UTC, ms since 1970) at virtual time 0. */
  startEpochMs: number
  /** RAM, for the memory-size bytes. */
  memoryBytes: number
  /** Told when port 70h masks or unmasks NMI. */
  onNmiMask?: (masked: boolean) => void
}

export class Rtc implements Device {
  readonly name = 'rtc'
  private readonly clock: Clock
  private readonly irq8: IrqLine
  private readonly onNmiMask: ((masked: boolean) => void) | undefined
  private readonly timer: Timer
  private readonly timeBase = new Frequency(TIME_BASE_HERTZ)
  private readonly registers = {
    cmos: new Uint8Array(CMOS_BYTES),
    index: Cmos.RegisterD as number,
    nmiMasked: false,
    /** Virtual time (ns) of some past update; updates are whole seconds from here, the divider's phase. */
    phase: 0,
    /** Updates and periodic ticks (counted from `phase`) taken into account so far. */
    updates: 0, ticks: 0,
  }

  constructor(options: RtcOptions) {
    this.clock = options.clock
    this.irq8 = options.irq8
    this.onNmiMask = options.onNmiMask
    this.timer = options.clock.timer('rtc', () => {
      this.sync()
      this.plan()
    })
    const r = this.registers
    const startSeconds = Math.floor(options.startEpochMs / 1000)
    r.phase = -Math.floor((options.startEpochMs - startSeconds * 1000) * NS_PER_MS)
    r.cmos[Cmos.RegisterA] = A_POWER_ON
    r.cmos[Cmos.RegisterB] = B_24_HOURS
    r.cmos[Cmos.RegisterD] = D_VALID
    this.setCalendar(startSeconds * 1000)
    this.setMemorySize(options.memoryBytes)
    r.updates = this.updatesBy(this.clock.now())
    r.ticks = this.ticksBy(this.clock.now())
    options.bus.claimPorts(PORT_INDEX, PORT_DATA, {
      read8: (port) => (port === PORT_DATA ? this.readData() : 0xff),
      write8: (port, value) => (port === PORT_DATA ? this.writeData(value) : this.writeIndex(value)),
    })
  }

  /** Whether port 70h keeps NMI from the CPU. */
  get nmiMasked(): boolean {
    return this.registers.nmiMasked
  }

  /** Sets a CMOS byte as the firmware would have (index 0x0E..0x7F) and mends the checksum of 10h..2Dh. */
  setByte(index: number, value: number): void {
    if (!(index > Cmos.RegisterD && index < CMOS_BYTES)) throw new RangeError(`not a CMOS RAM byte: ${index}`)
    const cmos = this.registers.cmos
    cmos[index] = value
    let sum = 0
    for (let i = CHECKSUM_FIRST; i <= CHECKSUM_LAST; i++) sum += cmos[i]
    cmos[Cmos.ChecksumHigh] = sum >> 8
    cmos[Cmos.ChecksumLow] = sum
  }

  /** RESET keeps the time and the RAM (there is a battery) and turns the interrupts off. */
  reset(): void {
    this.sync()
    const r = this.registers
    r.cmos[Cmos.RegisterB] &= ~(B_PIE | B_AIE | B_UIE | B_SQWE)
    r.cmos[Cmos.RegisterC] = 0
    r.index = Cmos.RegisterD
    this.irq8.set(false)
    this.setNmiMask(false)
    this.plan()
  }

  save(): DeviceState {
    return snapshot(this.registers)
  }

  load(state: DeviceState): void {
    restore(this.name, this.registers, state)
    this.registers.index &= CMOS_BYTES - 1
    this.onNmiMask?.(this.registers.nmiMasked)
  }

  private setMemorySize(bytes: number): void {
    const extended = Math.max(0, Math.floor((bytes - MIB) / KIB))
    const above16M = Math.max(0, Math.floor((bytes - 16 * MIB) / (64 * KIB)))
    this.setWord(Cmos.BaseMemoryLow, Math.min(640, Math.floor(bytes / KIB)))
    this.setWord(Cmos.ExtendedMemoryLow, Math.min(0xffff, extended))
    this.setWord(Cmos.ActualExtendedLow, Math.min(0xffff, extended))
    this.setWord(Cmos.Above16MLow, Math.min(0xffff, above16M))
  }

  private setWord(index: number, value: number): void {
    this.setByte(index, value & 0xff)
    this.setByte(index + 1, value >> 8)
  }

  private writeIndex(value: number): void {
    this.registers.index = value & (CMOS_BYTES - 1)
    this.setNmiMask((value & NMI_MASK) !== 0)
  }

  private setNmiMask(masked: boolean): void {
    if (this.registers.nmiMasked === masked) return
    this.registers.nmiMasked = masked
    this.onNmiMask?.(masked)
  }

  private readData(): number {
    const { cmos, index } = this.registers
    if (index > Cmos.RegisterD && index !== Cmos.Century) return cmos[index]
    this.sync()
    if (index === Cmos.RegisterA) return cmos[index] | (this.updating() ? A_UIP : 0)
    const value = cmos[index]
    if (index === Cmos.RegisterC) {
      cmos[index] = 0
      this.irq8.set(false)
      this.plan()
    }
    return value
  }

  private writeData(value: number): void {
    const { cmos, index } = this.registers
    if (index > Cmos.RegisterD) {
      cmos[index] = value
      return
    }
    this.sync()
    switch (index) {
      case Cmos.RegisterA:
        this.writeRegisterA(value & ~A_UIP)
        break
      case Cmos.RegisterB:
        cmos[index] = value & B_SET ? value & ~B_UIE : value
        this.raise(0)
        break
      case Cmos.RegisterC:
      case Cmos.RegisterD:
        return
      default:
        cmos[index] = value
    }
    this.plan()
  }

  private writeRegisterA(value: number): void {
    const r = this.registers
    const wasRunning = this.dividing
    r.cmos[Cmos.RegisterA] = value
    const now = this.clock.now()
    if (!wasRunning && this.dividing) r.phase = now - FIRST_UPDATE_NS
    r.updates = this.updatesBy(now)
    r.ticks = this.ticksBy(now)
  }

  private get dividing(): boolean {
    return (this.registers.cmos[Cmos.RegisterA] & A_DIVIDER_RESET) !== A_DIVIDER_RESET
  }

  /** Period of the periodic interrupt in ticks of the time base, 0 when it is off. */
  private get period(): number {
    const rate = this.registers.cmos[Cmos.RegisterA] & A_RATE
    if (rate === 0) return 0
    return rate <= 2 ? 1 << (rate + 6) : 1 << (rate - 1)
  }

  private updatesBy(now: number): number {
    return Math.floor((now - this.registers.phase) / NS_PER_SECOND)
  }

  private ticksBy(now: number): number {
    const period = this.period
    return period === 0 ? 0 : Math.floor(this.timeBase.ticksAt(now - this.registers.phase) / period)
  }

  private updating(): boolean {
    if (!this.dividing || this.registers.cmos[Cmos.RegisterB] & B_SET) return false
    const next = this.registers.phase + (this.registers.updates + 1) * NS_PER_SECOND
    return next - this.clock.now() <= UPDATE_NS
  }

  /** Brings the calendar and the interrupt flags up to now. */
  private sync(): void {
    if (!this.dividing) return
    const r = this.registers
    const now = this.clock.now()
    const updates = this.updatesBy(now)
    const ticks = this.ticksBy(now)
    let flags = ticks > r.ticks ? C_PF : 0
    const seconds = updates - r.updates
    r.updates = updates
    r.ticks = ticks
    if (seconds > 0 && !(r.cmos[Cmos.RegisterB] & B_SET)) {
      flags |= C_UF
      if (this.advance(seconds)) flags |= C_AF
    }
    if (flags) this.raise(flags)
  }

  private raise(flags: number): void {
    const cmos = this.registers.cmos
    const pending = (cmos[Cmos.RegisterC] & ~C_IRQF) | flags
    const enabled = cmos[Cmos.RegisterB] & (B_PIE | B_AIE | B_UIE)
    const request = (pending & enabled & (C_PF | C_AF | C_UF)) !== 0
    cmos[Cmos.RegisterC] = pending | (request ? C_IRQF : 0)
    this.irq8.set(request)
  }

  /** Schedules the next event that may raise IRQ 8; none while it is raised already. */
  private plan(): void {
    const r = this.registers
    const b = r.cmos[Cmos.RegisterB]
    let due = Infinity
    if (this.dividing && !(r.cmos[Cmos.RegisterC] & C_IRQF)) {
      if (b & (B_UIE | B_AIE) && !(b & B_SET)) due = r.phase + (r.updates + 1) * NS_PER_SECOND
      const period = this.period
      if (b & B_PIE && period > 0) due = Math.min(due, r.phase + this.timeBase.nsOf((r.ticks + 1) * period))
    }
    if (due === Infinity) this.timer.cancel()
    else this.timer.schedule(due)
  }

  /** Adds seconds to the calendar. Returns whether one of them matched the alarm. */
  private advance(seconds: number): boolean {
    const cmos = this.registers.cmos
    const days = Math.floor(this.calendarMs() / MS_PER_DAY)
    const before = Math.floor(this.calendarMs() / 1000)
    const weekday = this.decode(cmos[Cmos.DayOfWeek])
    const after = before + seconds
    this.setCalendar(after * 1000)
    const passed = Math.floor(after / SECONDS_PER_DAY) - days
    const counted = (((weekday - 1 + passed) % 7) + 7) % 7
    cmos[Cmos.DayOfWeek] = this.encode(counted + 1)
    for (let i = Math.max(1, seconds - SECONDS_PER_DAY + 1); i <= seconds; i++) {
      if (this.alarmMatches((((before + i) % SECONDS_PER_DAY) + SECONDS_PER_DAY) % SECONDS_PER_DAY)) return true
    }
    return false
  }

  private alarmMatches(secondOfDay: number): boolean {
    const cmos = this.registers.cmos
    const matches = (alarm: number, coded: number) => alarm >= ALARM_ANY || alarm === coded
    return matches(cmos[Cmos.SecondsAlarm], this.encode(secondOfDay % 60)) &&
      matches(cmos[Cmos.MinutesAlarm], this.encode(Math.floor(secondOfDay / 60) % 60)) &&
      matches(cmos[Cmos.HoursAlarm], this.encodeHours(Math.floor(secondOfDay / 3600)))
  }

  /** The calendar bytes as ms since 1970; bytes out of range carry over, as good as any answer. */
  private calendarMs(): number {
    const cmos = this.registers.cmos
    const year = fromBcd(cmos[Cmos.Century]) * 100 + this.decode(cmos[Cmos.Year])
    const date = new Date(0)
    date.setUTCFullYear(year, this.decode(cmos[Cmos.Month]) - 1, this.decode(cmos[Cmos.DayOfMonth]))
    const [minutes, seconds] = [this.decode(cmos[Cmos.Minutes]), this.decode(cmos[Cmos.Seconds])]
    date.setUTCHours(this.decodeHours(cmos[Cmos.Hours]), minutes, seconds)
    return date.getTime()
  }

  private setCalendar(epochMs: number): void {
    const cmos = this.registers.cmos
    const date = new Date(epochMs)
    const year = date.getUTCFullYear()
    cmos[Cmos.Seconds] = this.encode(date.getUTCSeconds())
    cmos[Cmos.Minutes] = this.encode(date.getUTCMinutes())
    cmos[Cmos.Hours] = this.encodeHours(date.getUTCHours())
    cmos[Cmos.DayOfWeek] = this.encode(date.getUTCDay() + 1)
    cmos[Cmos.DayOfMonth] = this.encode(date.getUTCDate())
    cmos[Cmos.Month] = this.encode(date.getUTCMonth() + 1)
    cmos[Cmos.Year] = this.encode(((year % 100) + 100) % 100)
    // The century byte is BCD whatever the data mode: it belongs to the firmware, not to the chip.
    cmos[Cmos.Century] = toBcd(Math.floor(year / 100) % 100)
  }

  private encode(value: number): number {
    return this.registers.cmos[Cmos.RegisterB] & B_BINARY ? value : toBcd(value)
  }

  private decode(byte: number): number {
    return this.registers.cmos[Cmos.RegisterB] & B_BINARY ? byte : fromBcd(byte)
  }

  private encodeHours(hours: number): number {
    if (this.registers.cmos[Cmos.RegisterB] & B_24_HOURS) return this.encode(hours)
    return this.encode(hours % 12 === 0 ? 12 : hours % 12) | (hours >= 12 ? HOURS_PM : 0)
  }

  private decodeHours(byte: number): number {
    if (this.registers.cmos[Cmos.RegisterB] & B_24_HOURS) return this.decode(byte)
    return (this.decode(byte & ~HOURS_PM) % 12) + (byte & HOURS_PM ? 12 : 0)
  }
}

function toBcd(value: number): number {
  return (Math.floor(value / 10) << 4) | (value % 10)
}

function fromBcd(byte: number): number {
  return (byte >> 4) * 10 + (byte & 15)
}
