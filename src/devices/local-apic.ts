/**
 * Local APIC of the one CPU: vectors by priority, the timer, interrupts to itself, and the way in for the 8259 pair
 * (LINT0), for the I/O APIC and for message-signalled interrupts.
 *
 *     const apic = new LocalApic({ bus, clock, onInterruptLine, onNmi, onInit, onEndOfInterrupt })
 *     apic.setBase(0xfee00900)                     // IA32_APIC_BASE as the CPU has it
 *     apic.setLint0(true)                          // INTR of the 8259 pair
 *     apic.deliver({ mode: DeliveryMode.Fixed, vector: 0x31, destination: 0, logical: false, level: false })
 *     const vector = apic.acknowledge()            // -1: the 8259 pair has it (ExtINT)
 *
 * Memory: a page at FEE00000h, moved and switched off by IA32_APIC_BASE. Registers are 32 bits wide; narrower writes,
 * which the manual leaves undefined, do nothing. LINT0 comes out of reset as ExtINT instead of masked: that is how every
 * BIOS leaves it, and a BIOS that knows no APIC works too. Source: Intel SDM vol. 3, chapter 10; 10.11 (MSI).
 */
import {
  APIC_BASE_ADDRESS, APIC_BASE_ENABLED, APIC_PAGE_BYTES, APIC_REGISTER_STRIDE, APIC_VERSION, ApicError, ApicRegister,
  COMMAND_LEVEL_ASSERT, COMMAND_LEVEL_TRIGGERED, COMMAND_LOGICAL, COMMAND_WRITABLE, DeliveryMode, DIVIDE_WRITABLE,
  divisorOf, LOWEST_VECTOR, Lvt, LVT_ENTRIES, LVT_LEVEL, LVT_MASKED, LVT_PERIODIC, LVT_REMOTE_IRR, LVT_VECTOR,
  LVT_WRITABLE, Shorthand, SPURIOUS_AFTER_RESET, SPURIOUS_ENABLED, SPURIOUS_WRITABLE, VECTOR_WORDS,
} from './apic/registers.ts'
import { VectorSet } from './apic/vector-set.ts'
import type { Bus, Clock, Device, DeviceState, Timer } from './device.ts'
import { childState, restore, snapshot } from './state.ts'

/** An interrupt on its way to the CPU. */
export interface ApicMessage {
  readonly mode: DeliveryMode
  readonly vector: number
  /** Physical identifier, or a set in the logical destination's format: 8 bits. */
  readonly destination: number
  readonly logical: boolean
  /** Level triggered: the end of interrupt is told to the I/O APIC. */
  readonly level: boolean
}

export interface LocalApicOptions {
  bus: Bus
  clock: Clock
  /** INTR of the CPU. */
  onInterruptLine: (level: boolean) => void
  /** A non-maskable interrupt has come. */
  onNmi: () => void
  /** An INIT message has come: the CPU starts anew. */
  onInit: () => void
  /** A level-triggered interrupt has ended. */
  onEndOfInterrupt: (vector: number) => void
}

const PRIORITY_CLASS = 0xf0
const BROADCAST = 0xff
const FLAT_MODEL = 0xf
const DESTINATION_FORMAT_FIXED = 0x0fffffff
const NOTHING = -1

export class LocalApic implements Device {
  readonly name = 'local-apic'
  private readonly bus: Bus
  private readonly clock: Clock
  private readonly timer: Timer
  private readonly options: LocalApicOptions
  private readonly requested = new VectorSet()
  private readonly inService = new VectorSet()
  private readonly levelTriggered = new VectorSet()
  private readonly registers = {
    base: 0, id: 0, taskPriority: 0, logicalDestination: 0, destinationFormat: 0xffffffff, spurious: 0,
    errors: 0, errorStatus: 0, commandLow: 0, commandHigh: 0, lvt: new Array<number>(LVT_ENTRIES).fill(LVT_MASKED),
    initialCount: 0, divide: 0, timerRuns: false, timerStart: 0, lint0: false, output: false,
  }
  private releasePage: (() => void) | undefined
  /** Physical address of the register page, or -1 while it is switched off. */
  page = NOTHING

  constructor(options: LocalApicOptions) {
    this.options = options
    this.bus = options.bus
    this.clock = options.clock
    this.timer = options.clock.timer('local-apic', () => this.expire())
    this.reset()
  }

  /** RESET: IA32_APIC_BASE is the CPU's, and told anew by it. */
  reset(): void {
    Object.assign(this.registers, { base: 0, id: 0 })
    this.showPage()
    this.initialise()
  }

  /** Takes over IA32_APIC_BASE. An APIC that is switched off forgets its registers. */
  setBase(base: number): void {
    const r = this.registers
    if (r.base === base >>> 0) return
    r.base = base >>> 0
    if (!this.enabled) this.initialise()
    this.showPage()
    this.update()
  }

  /** INTR of the 8259 pair: straight to the CPU while the APIC is switched off. */
  setLint0(level: boolean): void {
    const r = this.registers
    if (r.lint0 === level) return
    r.lint0 = level
    if (level) this.raiseLint0()
    this.update()
  }

  /** The CPU's interrupt acknowledge cycle: the vector, or -1 when it is for the 8259 pair to say. */
  acknowledge(): number {
    if (!this.enabled) return NOTHING
    const vector = this.deliverable()
    if (vector < 0) return this.passesExternal() ? NOTHING : this.registers.spurious & LVT_VECTOR
    this.requested.remove(vector)
    this.inService.add(vector)
    this.update()
    return vector
  }

  /** A message from the bus, from the I/O APIC or a device. Those for other CPUs are lost; so are all while it is off. */
  deliver(message: ApicMessage): void {
    if (this.enabled && this.isFor(message.destination, message.logical)) this.accept(message)
  }

  /** A message-signalled interrupt: a device has written `data` to `address`, FEExxxxxh. */
  deliverWrite(address: number, data: number): void {
    this.deliver({
      mode: (data >> 8) & 7, vector: data & LVT_VECTOR, destination: (address >>> 12) & 0xff,
      logical: (address & 4) !== 0, level: (data & LVT_LEVEL) !== 0,
    })
  }

  /** As firmware leaves it: enabled, the 8259 pair on LINT0, NMI on LINT1. */
  setUpVirtualWire(): void {
    this.write(ApicRegister.Spurious, SPURIOUS_ENABLED | SPURIOUS_AFTER_RESET)
    this.write(ApicRegister.LvtLint0, LVT_LEVEL | (DeliveryMode.ExternalInterrupt << 8))
    this.write(ApicRegister.LvtLint1, LVT_LEVEL | (DeliveryMode.Nmi << 8))
  }

  /** Whether the 8259 pair's INTR arrives as NMI. */
  get passesNmi(): boolean {
    const value = this.registers.lvt[Lvt.Lint0]
    return this.enabled && (value & LVT_MASKED) === 0 && ((value >> 8) & 7) === DeliveryMode.Nmi
  }

  save(): DeviceState {
    return {
      ...snapshot(this.registers),
      requested: this.requested.save(), inService: this.inService.save(), levelTriggered: this.levelTriggered.save(),
    }
  }

  load(state: DeviceState): void {
    const sets = { requested: this.requested, inService: this.inService, levelTriggered: this.levelTriggered }
    const saved = Object.keys(sets).map(key => childState(this.name, state, key))
    restore(this.name, this.registers, state)
    Object.values(sets).forEach((set, i) => {
      set.load(this.name, saved[i])
    })
    const r = this.registers
    r.lvt = Array.from({ length: LVT_ENTRIES }, (_, i) => r.lvt[i] ?? LVT_MASKED)
    r.initialCount >>>= 0
    r.divide &= DIVIDE_WRITABLE
    r.timerRuns &&= r.initialCount > 0
    this.showPage()
    this.options.onInterruptLine(r.output)
  }

  private get enabled(): boolean {
    return (this.registers.base & APIC_BASE_ENABLED) !== 0
  }

  private get softwareEnabled(): boolean {
    return (this.registers.spurious & SPURIOUS_ENABLED) !== 0
  }

  /** The state after RESET and INIT, but for identifier and base. */
  initialise(): void {
    const r = this.registers
    this.timer.cancel()
    for (const set of [this.requested, this.inService, this.levelTriggered]) set.clear()
    Object.assign(r, {
      taskPriority: 0, logicalDestination: 0, destinationFormat: 0xffffffff, spurious: SPURIOUS_AFTER_RESET,
      errors: 0, errorStatus: 0, commandLow: 0, commandHigh: 0, initialCount: 0, divide: 0, timerRuns: false,
      lvt: new Array<number>(LVT_ENTRIES).fill(LVT_MASKED),
    })
    r.lvt[Lvt.Lint0] = DeliveryMode.ExternalInterrupt << 8
    this.update()
  }

  private showPage(): void {
    const page = this.enabled ? (this.registers.base & APIC_BASE_ADDRESS) >>> 0 : NOTHING
    if (page === this.page) return
    this.releasePage?.()
    this.releasePage = undefined
    this.page = page
    if (page === NOTHING) return
    this.releasePage = this.bus.claimMemory(page, page + APIC_PAGE_BYTES - 1, {
      read8: address => (this.read((address - page) & ~3) >>> (8 * (address & 3))) & 0xff,
      read16: address => (this.read((address - page) & ~3) >>> (8 * (address & 2))) & 0xffff,
      read32: address => this.read(address - page),
      write8: () => {},
      write16: () => {},
      write32: (address, value) => this.write(address - page, value),
    })
  }

  private read(offset: number): number {
    if (offset % APIC_REGISTER_STRIDE !== 0) return 0
    const r = this.registers
    const words = (offset & 0x70) / APIC_REGISTER_STRIDE
    if (offset >= ApicRegister.InService && offset < ApicRegister.ErrorStatus) {
      const first = offset & ~0x7f
      const set = first === ApicRegister.InService ? this.inService
        : first === ApicRegister.TriggerMode ? this.levelTriggered : this.requested
      return set.word(words % VECTOR_WORDS)
    }
    if (offset >= ApicRegister.LvtTimer && offset <= ApicRegister.LvtError)
      return r.lvt[(offset - ApicRegister.LvtTimer) / APIC_REGISTER_STRIDE] >>> 0
    switch (offset) {
      case ApicRegister.Id: return r.id
      case ApicRegister.Version: return APIC_VERSION
      case ApicRegister.TaskPriority: return r.taskPriority
      case ApicRegister.ArbitrationPriority: return this.arbitrationPriority()
      case ApicRegister.ProcessorPriority: return this.processorPriority()
      case ApicRegister.LogicalDestination: return r.logicalDestination
      case ApicRegister.DestinationFormat: return r.destinationFormat
      case ApicRegister.Spurious: return r.spurious
      case ApicRegister.ErrorStatus: return r.errorStatus
      case ApicRegister.CommandLow: return r.commandLow
      case ApicRegister.CommandHigh: return r.commandHigh
      case ApicRegister.InitialCount: return r.initialCount
      case ApicRegister.CurrentCount: return this.currentCount(this.clock.now())
      case ApicRegister.Divide: return r.divide
      // Write-only, or never used: they read as 0.
      case ApicRegister.EndOfInterrupt:
      case ApicRegister.RemoteRead: return 0
      default:
        this.error(ApicError.IllegalRegister)
        return 0
    }
  }

  private write(offset: number, value: number): void {
    if (offset % APIC_REGISTER_STRIDE !== 0) return
    const r = this.registers
    if (offset >= ApicRegister.LvtTimer && offset <= ApicRegister.LvtError) {
      this.writeLvt((offset - ApicRegister.LvtTimer) / APIC_REGISTER_STRIDE, value)
      return
    }
    switch (offset) {
      case ApicRegister.Id: r.id = (value & 0xff000000) >>> 0; break
      case ApicRegister.TaskPriority: r.taskPriority = value & 0xff; this.update(); break
      case ApicRegister.EndOfInterrupt: this.endOfInterrupt(); break
      case ApicRegister.LogicalDestination: r.logicalDestination = (value & 0xff000000) >>> 0; break
      case ApicRegister.DestinationFormat: r.destinationFormat = (value | DESTINATION_FORMAT_FIXED) >>> 0; break
      case ApicRegister.Spurious: this.writeSpurious(value); break
      case ApicRegister.ErrorStatus: r.errorStatus = r.errors; r.errors = 0; break
      case ApicRegister.CommandLow: r.commandLow = value & COMMAND_WRITABLE; this.send(r.commandLow); break
      case ApicRegister.CommandHigh: r.commandHigh = (value & 0xff000000) >>> 0; break
      case ApicRegister.InitialCount: this.startTimer(value); break
      case ApicRegister.Divide: this.writeDivide(value & DIVIDE_WRITABLE); break
      // Read-only ones do not mind being written.
      case ApicRegister.Version:
      case ApicRegister.ArbitrationPriority:
      case ApicRegister.ProcessorPriority:
      case ApicRegister.RemoteRead:
      case ApicRegister.CurrentCount: break
      default:
        if (offset < ApicRegister.InService || offset >= ApicRegister.ErrorStatus) this.error(ApicError.IllegalRegister)
    }
  }

  private writeLvt(entry: Lvt, value: number): void {
    const { lvt, timerRuns } = this.registers
    const mask = LVT_WRITABLE[entry]
    const kept = entry === Lvt.Lint0 && value & LVT_LEVEL ? lvt[entry] & LVT_REMOTE_IRR : 0
    lvt[entry] = (value & mask) | kept | (this.softwareEnabled ? 0 : LVT_MASKED)
    if (entry === Lvt.Timer && timerRuns) this.scheduleTimer()
    if (entry === Lvt.Lint0 && this.registers.lint0) this.raiseLint0()
    this.update()
  }

  /** Bit 8 off masks all entries of the local vector table, and they stay so. */
  private writeSpurious(value: number): void {
    const r = this.registers
    r.spurious = value & SPURIOUS_WRITABLE
    if (!this.softwareEnabled) r.lvt = r.lvt.map(entry => entry | LVT_MASKED)
    this.update()
  }

  /** Interrupt command: a message to this CPU, if it is meant. */
  private send(command: number): void {
    const mode = (command >> 8) & 7
    const vector = command & LVT_VECTOR
    const shorthand: Shorthand = (command >> 18) & 3
    // INIT with level de-assert only told the arbitration identifiers of old.
    const deassert = mode === DeliveryMode.Init && (command & COMMAND_LEVEL_ASSERT) === 0
    if (deassert) return
    if (isVectored(mode) && vector < LOWEST_VECTOR) {
      this.error(ApicError.SendIllegalVector)
      return
    }
    const destination = this.registers.commandHigh >>> 24
    const toSelf = shorthand === Shorthand.None
      ? this.isFor(destination, (command & COMMAND_LOGICAL) !== 0)
      : shorthand !== Shorthand.AllExcludingSelf
    const level = mode === DeliveryMode.Init && (command & COMMAND_LEVEL_TRIGGERED) !== 0
    if (toSelf) this.accept({ mode, vector, destination, logical: false, level })
  }

  /** Whether a destination names this CPU. Logical ones: flat model, or clusters. */
  private isFor(destination: number, logical: boolean): boolean {
    const r = this.registers
    if (!logical) return destination === r.id >>> 24 || destination === BROADCAST
    const own = r.logicalDestination >>> 24
    if (r.destinationFormat >>> 28 === FLAT_MODEL) return (own & destination) !== 0
    if (destination === BROADCAST) return true
    return own >> 4 === destination >> 4 && (own & destination & 15) !== 0
  }

  private accept({ mode, vector, level }: ApicMessage): void {
    if (mode === DeliveryMode.Nmi) this.options.onNmi()
    else if (mode === DeliveryMode.Init) {
      this.initialise()
      this.options.onInit()
    } else if (isVectored(mode)) this.request(vector, level)
    // SMI: there is no system management mode. Start-up: this CPU does not wait for one. ExtINT comes by LINT0 alone.
  }

  private request(vector: number, level: boolean): void {
    if (vector < LOWEST_VECTOR) {
      this.error(ApicError.ReceivedIllegalVector)
      return
    }
    if (!this.softwareEnabled) return
    this.requested.add(vector)
    if (level) this.levelTriggered.add(vector)
    else this.levelTriggered.remove(vector)
    this.update()
  }

  /** An interrupt of the local vector table. */
  private raiseLocal(entry: Lvt): void {
    const value = this.registers.lvt[entry]
    if (value & LVT_MASKED) return
    const mode: DeliveryMode = entry === Lvt.Timer || entry === Lvt.Error ? DeliveryMode.Fixed : (value >> 8) & 7
    this.accept({ mode, vector: value & LVT_VECTOR, destination: 0, logical: false, level: false })
  }

  /** LINT0 rises, or is seen at last. As ExtINT it goes to the CPU by itself (`update`). */
  private raiseLint0(): void {
    const { lvt } = this.registers
    const value = lvt[Lvt.Lint0]
    if (!this.enabled || value & (LVT_MASKED | LVT_REMOTE_IRR)) return
    const mode: DeliveryMode = (value >> 8) & 7
    if (mode === DeliveryMode.ExternalInterrupt) return
    const level = mode === DeliveryMode.Fixed && (value & LVT_LEVEL) !== 0
    if (level) lvt[Lvt.Lint0] |= LVT_REMOTE_IRR
    this.accept({ mode, vector: value & LVT_VECTOR, destination: 0, logical: false, level })
  }

  private endOfInterrupt(): void {
    const vector = this.inService.highest()
    if (vector < 0) return
    this.inService.remove(vector)
    if (this.levelTriggered.has(vector)) {
      const r = this.registers
      const lint0 = r.lvt[Lvt.Lint0]
      if (lint0 & LVT_REMOTE_IRR && (lint0 & LVT_VECTOR) === vector) {
        r.lvt[Lvt.Lint0] &= ~LVT_REMOTE_IRR
        if (r.lint0) this.raiseLint0()
      }
      this.options.onEndOfInterrupt(vector)
    }
    this.update()
  }

  private error(error: ApicError): void {
    const r = this.registers
    const isNew = (r.errors & error) === 0
    r.errors |= error
    // An illegal vector in the error entry itself would never end.
    if (isNew && (r.lvt[Lvt.Error] & LVT_VECTOR) >= LOWEST_VECTOR) this.raiseLocal(Lvt.Error)
  }

  /** Task priority, or the class of what is being served where that is higher. */
  private processorPriority(): number {
    const { taskPriority } = this.registers
    const serving = Math.max(0, this.inService.highest()) & PRIORITY_CLASS
    return (taskPriority & PRIORITY_CLASS) >= serving ? taskPriority : serving
  }

  private arbitrationPriority(): number {
    const { taskPriority } = this.registers
    const waiting = Math.max(0, this.requested.highest()) & PRIORITY_CLASS
    const serving = Math.max(0, this.inService.highest()) & PRIORITY_CLASS
    const task = taskPriority & PRIORITY_CLASS
    return task >= waiting && task > serving ? taskPriority : Math.max(task, waiting, serving)
  }

  /** The vector that the CPU would be given now, or -1. */
  private deliverable(): number {
    const vector = this.requested.highest()
    if (vector < 0) return NOTHING
    return (vector & PRIORITY_CLASS) > (this.processorPriority() & PRIORITY_CLASS) ? vector : NOTHING
  }

  /** Whether the 8259 pair reaches the CPU: by LINT0, or past an APIC that is switched off. */
  private passesExternal(): boolean {
    const { lint0, lvt } = this.registers
    if (!lint0) return false
    if (!this.enabled) return true
    const value = lvt[Lvt.Lint0]
    return (value & LVT_MASKED) === 0 && ((value >> 8) & 7) === DeliveryMode.ExternalInterrupt
  }

  private update(): void {
    const r = this.registers
    const output = this.passesExternal() || (this.enabled && this.deliverable() >= 0)
    if (r.output === output) return
    r.output = output
    this.options.onInterruptLine(output)
  }

  private startTimer(count: number): void {
    const r = this.registers
    r.initialCount = count >>> 0
    r.timerRuns = r.initialCount > 0
    r.timerStart = this.clock.now()
    this.scheduleTimer()
  }

  /** A running count goes on from where it is, at the new pace. */
  private writeDivide(divide: number): void {
    const r = this.registers
    const now = this.clock.now()
    const left = this.currentCount(now)
    r.divide = divide
    if (!r.timerRuns) return
    r.timerStart = now - (r.initialCount - left) * divisorOf(divide)
    this.scheduleTimer()
  }

  private scheduleTimer(): void {
    const r = this.registers
    if (r.timerRuns) this.timer.schedule(r.timerStart + r.initialCount * divisorOf(r.divide))
    else this.timer.cancel()
  }

  /** What is left of the count, in units of the divided clock. */
  private currentCount(now: number): number {
    const r = this.registers
    if (!r.timerRuns) return 0
    const passed = Math.floor((now - r.timerStart) / divisorOf(r.divide))
    if (passed < r.initialCount) return r.initialCount - passed
    return r.lvt[Lvt.Timer] & LVT_PERIODIC ? r.initialCount - (passed % r.initialCount) : 0
  }

  /** The count has reached 0: once, or from the start again. Periods that a late host has missed are one interrupt. */
  private expire(): void {
    const r = this.registers
    if (!r.timerRuns) return
    const period = r.initialCount * divisorOf(r.divide)
    if (r.lvt[Lvt.Timer] & LVT_PERIODIC) {
      r.timerStart += Math.max(1, Math.floor((this.clock.now() - r.timerStart) / period)) * period
      this.timer.schedule(r.timerStart + period)
    } else r.timerRuns = false
    this.raiseLocal(Lvt.Timer)
  }
}

function isVectored(mode: DeliveryMode): boolean {
  return mode === DeliveryMode.Fixed || mode === DeliveryMode.LowestPriority
}
