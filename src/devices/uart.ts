/**
 * Serial port: National 16550A with both FIFOs.
 *
 *     const com1 = new Uart({ bus, clock, name: 'uart0', base: 0x3f8, irq: pic.line(4), onByte: b => out.push(b) })
 *     com1.receive(bytes)       // queued on the host's side without bound, fed as the guest drains
 *
 * Ports: base..base+7. COM1 3F8h/IRQ4, COM2 2F8h/IRQ3, COM3 3E8h/IRQ4, COM4 2E8h/IRQ3.
 * Source: National PC16550D datasheet (June 1995).
 *
 * With `pacing: 'immediate'` (the default) a byte written is sent at once, and waiting input fills the receiver FIFO
 * whenever it has been empty for one character time: fast, with a pause in which the guest leaves its interrupt
 * handler. `pacing: 'baud'` moves one character per character time in both directions.
 */
import type { Bus, Clock, Device, DeviceState, IrqLine, Timer } from './device.ts'
import { restore, snapshot } from './state.ts'

enum Register { Data = 0, Ier = 1, Iir = 2, Lcr = 3, Mcr = 4, Lsr = 5, Msr = 6, Scratch = 7 }

const IER_RECEIVED = 0x01
const IER_THR_EMPTY = 0x02
const IER_LINE_STATUS = 0x04
const IER_MODEM_STATUS = 0x08
const IER_WRITABLE = 0x0f

const IIR_NONE = 0x01
const IIR_MODEM_STATUS = 0x00
const IIR_THR_EMPTY = 0x02
const IIR_RECEIVED = 0x04
const IIR_LINE_STATUS = 0x06
const IIR_TIMEOUT = 0x0c
const IIR_FIFOS = 0xc0

const FCR_ENABLE = 0x01
const FCR_CLEAR_RECEIVER = 0x02
const FCR_CLEAR_TRANSMITTER = 0x04
const FIFO_BYTES = 16
const TRIGGER_LEVELS = [1, 4, 8, 14]

const LCR_STOP_BITS = 0x04
const LCR_PARITY = 0x08
const LCR_BREAK = 0x40
const LCR_DLAB = 0x80

const MCR_DTR = 0x01
const MCR_RTS = 0x02
const MCR_OUT1 = 0x04
const MCR_OUT2 = 0x08
const MCR_LOOP = 0x10
const MCR_WRITABLE = 0x1f

const LSR_DATA_READY = 0x01
const LSR_OVERRUN = 0x02
const LSR_ERRORS = 0x1e
const LSR_BREAK = 0x10
const LSR_THR_EMPTY = 0x20
const LSR_TRANSMITTER_EMPTY = 0x40
const LSR_FIFO_ERROR = 0x80

/** Delta bits stand this far below the lines they report. */
const MSR_DELTA_SHIFT = 4
const MSR_TRAILING_RI = 0x04
const MSR_CTS = 0x10
const MSR_DSR = 0x20
const MSR_RI = 0x40
const MSR_DCD = 0x80
const MSR_LINES = 0xf0

const CRYSTAL_HERTZ = 1_843_200
const CLOCKS_PER_BIT = 16
/** Divisor at power-on: 9600 baud (the chip leaves it undefined). */
const POWER_ON_DIVISOR = 12
const TIMEOUT_CHARACTERS = 4
/** Errors of a received byte are kept with it, above its eight bits. */
const ERROR_SHIFT = 8

export interface ModemLines { cts: boolean, dsr: boolean, ri: boolean, dcd: boolean }

export interface UartOptions {
  bus: Bus
  clock: Clock
  name: string
  base: number
  irq: IrqLine
  /** Told each byte the guest sends. */
  onByte?: (byte: number) => void
  /** Told when the guest starts or ends a break. */
  onBreak?: (on: boolean) => void
  /** Told when the guest drives DTR or RTS. */
  onControlLines?: (dtr: boolean, rts: boolean) => void
  pacing?: 'immediate' | 'baud'
  /** Whether OUT2 gates the interrupt, as on IBM's card. Off by default: kernels written in emulators forget it. */
  gateByOut2?: boolean
}

export class Uart implements Device {
  readonly name: string
  private readonly options: UartOptions
  private readonly paced: boolean
  private readonly transmitTimer: Timer
  private readonly receiveTimer: Timer
  private readonly timeoutTimer: Timer
  private readonly registers = {
    ier: 0, fcr: 0, lcr: 0, mcr: 0, msr: 0, scratch: 0, divisor: POWER_ON_DIVISOR,
    overrun: false, lineErrors: 0,
    thrInterrupt: false, timeoutInterrupt: false,
    /** Levels of the modem inputs, in MSR's bits. */
    modemInputs: MSR_CTS | MSR_DSR | MSR_DCD,
    receiver: [] as number[], transmitter: [] as number[],
    /** Paced: a character is in the shift register. */
    shifting: false,
  }
  /** What the host has sent and the receiver has not taken: pieces, and the place in the first. */
  private waiting: Uint8Array[] = []
  private waitingOffset = 0

  constructor(options: UartOptions) {
    this.options = options
    this.name = options.name
    this.paced = options.pacing === 'baud'
    this.transmitTimer = options.clock.timer(`${options.name}.transmit`, () => this.shiftOut())
    this.receiveTimer = options.clock.timer(`${options.name}.receive`, () => this.feed())
    this.timeoutTimer = options.clock.timer(`${options.name}.timeout`, () => this.timeOut())
    options.bus.claimPorts(options.base, options.base + 7, {
      read8: (port) => this.read(port - options.base),
      write8: (port, value) => this.write(port - options.base, value),
    })
    this.reset()
  }

  /** Sends bytes to the guest. They wait on the host's side until the receiver has room; none is lost. */
  receive(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.waiting.push(bytes.slice())
    if (!this.receiverPausing) this.feed()
  }

  /** Bytes the guest has not taken into the receiver yet. */
  get pending(): number {
    return this.waiting.reduce((sum, piece) => sum + piece.length, 0) - this.waitingOffset
  }

  /** A break condition on the line: a zero byte marked as break. */
  receiveBreak(): void {
    if (!(this.registers.mcr & MCR_LOOP)) this.accept(0, LSR_BREAK)
  }

  /** Sets the modem inputs; at power-on CTS, DSR and DCD are on (a terminal is there). */
  setModemLines(lines: ModemLines): void {
    this.registers.modemInputs = (lines.cts ? MSR_CTS : 0) | (lines.dsr ? MSR_DSR : 0) | (lines.ri ? MSR_RI : 0) |
      (lines.dcd ? MSR_DCD : 0)
    this.followModem()
  }

  reset(): void {
    Object.assign(this.registers, {
      ier: 0, fcr: 0, lcr: 0, mcr: 0, scratch: 0, divisor: POWER_ON_DIVISOR, overrun: false, lineErrors: 0,
      thrInterrupt: false, timeoutInterrupt: false, receiver: [], transmitter: [], shifting: false,
      msr: this.registers.modemInputs,
    })
    this.transmitTimer.cancel()
    this.receiveTimer.cancel()
    this.timeoutTimer.cancel()
    this.update()
  }

  save(): DeviceState {
    const waiting = new Uint8Array(this.pending)
    let at = 0
    for (const [i, piece] of this.waiting.entries()) {
      const part = i === 0 ? piece.subarray(this.waitingOffset) : piece
      waiting.set(part, at)
      at += part.length
    }
    return { ...snapshot(this.registers), waiting }
  }

  load(state: DeviceState): void {
    restore(this.name, this.registers, state)
    const waiting = state.waiting instanceof Uint8Array ? state.waiting : new Uint8Array(0)
    this.waiting = waiting.length > 0 ? [waiting.slice()] : []
    this.waitingOffset = 0
  }

  private get fifos(): boolean {
    return (this.registers.fcr & FCR_ENABLE) !== 0
  }

  private get capacity(): number {
    return this.fifos ? FIFO_BYTES : 1
  }

  private get trigger(): number {
    return this.fifos ? TRIGGER_LEVELS[this.registers.fcr >> 6] : 1
  }

  private get receiverPausing(): boolean {
    return this.receiveTimer.due !== Infinity
  }

  /** Time of one character on the line, in ns. */
  private get characterNs(): number {
    const { lcr, divisor } = this.registers
    const dataBits = 5 + (lcr & 3)
    const bits = 1 + dataBits + (lcr & LCR_PARITY ? 1 : 0) + (lcr & LCR_STOP_BITS ? 2 : 1)
    return Math.ceil((bits * CLOCKS_PER_BIT * (divisor || 0x10000) * 1e9) / CRYSTAL_HERTZ)
  }

  private read(register: Register): number {
    const r = this.registers
    const dlab = (r.lcr & LCR_DLAB) !== 0
    switch (register) {
      case Register.Data: return dlab ? r.divisor & 0xff : this.readData()
      case Register.Ier: return dlab ? r.divisor >> 8 : r.ier
      case Register.Iir: return this.readIir()
      case Register.Lcr: return r.lcr
      case Register.Mcr: return r.mcr
      case Register.Lsr: return this.readLsr()
      case Register.Msr: return this.readMsr()
      default: return r.scratch
    }
  }

  private write(register: Register, value: number): void {
    const r = this.registers
    const dlab = (r.lcr & LCR_DLAB) !== 0
    switch (register) {
      case Register.Data:
        if (dlab) r.divisor = (r.divisor & 0xff00) | value
        else this.writeData(value)
        break
      case Register.Ier:
        if (dlab) r.divisor = (r.divisor & 0xff) | (value << 8)
        else this.writeIer(value & IER_WRITABLE)
        break
      case Register.Iir:
        this.writeFcr(value)
        break
      case Register.Lcr:
        this.writeLcr(value)
        break
      case Register.Mcr:
        this.writeMcr(value & MCR_WRITABLE)
        break
      case Register.Scratch:
        r.scratch = value
        break
      default: // LSR and MSR: writes are for factory tests
    }
  }

  // ---- receiver

  private readData(): number {
    const r = this.registers
    const entry = r.receiver.shift() ?? 0
    r.timeoutInterrupt = false
    this.showErrors()
    this.watchTimeout()
    if (r.receiver.length === 0 && this.waiting.length > 0 && !this.receiverPausing) this.pauseReceiver()
    this.update()
    return entry & 0xff
  }

  private pauseReceiver(): void {
    this.receiveTimer.schedule(this.options.clock.now() + this.characterNs)
  }

  /** Moves waiting bytes into the receiver: as many as it holds, or one when paced. */
  private feed(): void {
    const r = this.registers
    if (r.mcr & MCR_LOOP || this.waiting.length === 0) return
    const room = this.capacity - r.receiver.length
    const count = Math.min(this.paced ? 1 : room, room, this.pending)
    for (let i = 0; i < count; i++) {
      r.receiver.push(this.takeWaiting())
    }
    if (this.waiting.length > 0 && this.paced) this.pauseReceiver()
    if (count === 0) return
    r.timeoutInterrupt = false
    this.showErrors()
    this.watchTimeout()
    this.update()
  }

  private takeWaiting(): number {
    const piece = this.waiting[0]
    const byte = piece[this.waitingOffset++]
    if (this.waitingOffset === piece.length) {
      this.waiting.shift()
      this.waitingOffset = 0
    }
    return byte
  }

  /** A character from the line itself (break, loop-back): one too many overruns. */
  private accept(byte: number, errors: number): void {
    const r = this.registers
    if (r.receiver.length >= this.capacity) {
      r.overrun = true
      // Without FIFOs the new character replaces the old one; with them it is lost in the shift register.
      if (!this.fifos) r.receiver[0] = byte | (errors << ERROR_SHIFT)
    } else {
      r.receiver.push(byte | (errors << ERROR_SHIFT))
    }
    r.timeoutInterrupt = false
    this.showErrors()
    this.watchTimeout()
    this.update()
  }

  /** Errors show in LSR when their character reaches the top of the FIFO. */
  private showErrors(): void {
    const r = this.registers
    if (r.receiver.length === 0) return
    const errors = r.receiver[0] >> ERROR_SHIFT
    if (errors === 0) return
    r.lineErrors |= errors
    r.receiver[0] &= 0xff
  }

  private watchTimeout(): void {
    if (this.fifos && this.registers.receiver.length > 0) {
      this.timeoutTimer.schedule(this.options.clock.now() + TIMEOUT_CHARACTERS * this.characterNs)
    } else {
      this.timeoutTimer.cancel()
    }
  }

  private timeOut(): void {
    this.registers.timeoutInterrupt = this.fifos && this.registers.receiver.length > 0
    this.update()
  }

  // ---- transmitter

  private writeData(value: number): void {
    const r = this.registers
    r.thrInterrupt = false
    if (!this.paced) {
      // The interrupt falls and rises again: an edge even for a handler that writes without reading IIR.
      this.update()
      this.send(value)
      r.thrInterrupt = true
    } else if (!r.shifting && r.transmitter.length === 0) {
      r.transmitter.push(value)
      this.startShifting()
    } else if (r.transmitter.length < this.capacity) {
      r.transmitter.push(value)
    } else {
      r.transmitter[r.transmitter.length - 1] = value
    }
    this.update()
  }

  private startShifting(): void {
    const r = this.registers
    r.shifting = true
    this.transmitTimer.schedule(this.options.clock.now() + this.characterNs)
    // The holding register stands for the character in the shift register until it is sent.
    if (r.transmitter.length === 1) r.thrInterrupt = true
  }

  /** Paced: the character at the head of the queue has left the shift register. */
  private shiftOut(): void {
    const r = this.registers
    const byte = r.transmitter.shift()
    r.shifting = false
    if (byte !== undefined) this.send(byte)
    if (r.transmitter.length > 0) this.startShifting()
    this.update()
  }

  private get thrEmpty(): boolean {
    return this.registers.transmitter.length <= (this.registers.shifting ? 1 : 0)
  }

  private send(byte: number): void {
    const { mcr, lcr } = this.registers
    if (mcr & MCR_LOOP) this.accept(byte & (0xff >> (3 - (lcr & 3))), 0)
    else this.options.onByte?.(byte)
  }

  // ---- control and status

  private writeIer(value: number): void {
    const r = this.registers
    const enabled = value & ~r.ier
    r.ier = value
    if (enabled & IER_THR_EMPTY && this.thrEmpty) r.thrInterrupt = true
    this.update()
  }

  private writeFcr(value: number): void {
    const r = this.registers
    const toggled = ((r.fcr ^ value) & FCR_ENABLE) !== 0
    if (toggled || value & FCR_CLEAR_RECEIVER) {
      r.receiver.length = 0
      r.timeoutInterrupt = false
      this.timeoutTimer.cancel()
    }
    if (toggled || value & FCR_CLEAR_TRANSMITTER) {
      if (!this.thrEmpty) r.thrInterrupt = true
      r.transmitter.length = Math.min(r.transmitter.length, r.shifting ? 1 : 0)
    }
    r.fcr = value & FCR_ENABLE ? value & (FCR_ENABLE | IIR_FIFOS) : 0
    if (r.receiver.length === 0 && this.waiting.length > 0 && !this.receiverPausing) this.pauseReceiver()
    this.update()
  }

  private writeLcr(value: number): void {
    const r = this.registers
    const changed = r.lcr ^ value
    r.lcr = value
    if (!(changed & LCR_BREAK)) return
    const on = (value & LCR_BREAK) !== 0
    if (!(r.mcr & MCR_LOOP)) this.options.onBreak?.(on)
    else if (on) this.accept(0, LSR_BREAK)
  }

  private writeMcr(value: number): void {
    const r = this.registers
    const changed = r.mcr ^ value
    r.mcr = value
    if (changed & (MCR_DTR | MCR_RTS | MCR_LOOP)) {
      const outside = value & MCR_LOOP ? 0 : value
      this.options.onControlLines?.((outside & MCR_DTR) !== 0, (outside & MCR_RTS) !== 0)
    }
    this.followModem()
    if (changed & MCR_LOOP && this.waiting.length > 0 && !this.receiverPausing) this.pauseReceiver()
    this.update()
  }

  private followModem(): void {
    const r = this.registers
    let lines = r.modemInputs
    if (r.mcr & MCR_LOOP) {
      lines = (r.mcr & MCR_RTS ? MSR_CTS : 0) | (r.mcr & MCR_DTR ? MSR_DSR : 0) |
        (r.mcr & MCR_OUT1 ? MSR_RI : 0) | (r.mcr & MCR_OUT2 ? MSR_DCD : 0)
    }
    const changed = (r.msr ^ lines) & MSR_LINES
    let deltas = changed >> MSR_DELTA_SHIFT
    // RI reports only its trailing edge.
    if (changed & MSR_RI && lines & MSR_RI) deltas &= ~MSR_TRAILING_RI
    r.msr = lines | (r.msr & ~MSR_LINES) | deltas
    this.update()
  }

  private readLsr(): number {
    const r = this.registers
    const errorsInFifo = this.fifos && (r.lineErrors !== 0 || r.receiver.some((entry) => entry >> ERROR_SHIFT !== 0))
    const lsr = (r.receiver.length > 0 ? LSR_DATA_READY : 0) | (r.overrun ? LSR_OVERRUN : 0) | r.lineErrors |
      (this.thrEmpty ? LSR_THR_EMPTY : 0) | (this.thrEmpty && !r.shifting ? LSR_TRANSMITTER_EMPTY : 0) |
      (errorsInFifo ? LSR_FIFO_ERROR : 0)
    if (lsr & LSR_ERRORS) {
      r.overrun = false
      r.lineErrors = 0
      this.update()
    }
    return lsr
  }

  private readMsr(): number {
    const r = this.registers
    const msr = r.msr
    r.msr &= MSR_LINES
    this.update()
    return msr
  }

  /** The cause of highest priority among the enabled ones. */
  private cause(): number {
    const r = this.registers
    if (r.ier & IER_LINE_STATUS && (r.overrun || r.lineErrors)) return IIR_LINE_STATUS
    if (r.ier & IER_RECEIVED && r.receiver.length >= this.trigger) return IIR_RECEIVED
    if (r.ier & IER_RECEIVED && r.timeoutInterrupt) return IIR_TIMEOUT
    if (r.ier & IER_THR_EMPTY && r.thrInterrupt) return IIR_THR_EMPTY
    if (r.ier & IER_MODEM_STATUS && r.msr & ~MSR_LINES) return IIR_MODEM_STATUS
    return IIR_NONE
  }

  private readIir(): number {
    const cause = this.cause()
    if (cause === IIR_THR_EMPTY) {
      this.registers.thrInterrupt = false
      this.update()
    }
    return cause | (this.fifos ? IIR_FIFOS : 0)
  }

  private update(): void {
    const gate = this.options.gateByOut2 === true
    const { mcr } = this.registers
    const connected = !gate || ((mcr & MCR_OUT2) !== 0 && !(mcr & MCR_LOOP))
    this.options.irq.set(connected && this.cause() !== IIR_NONE)
  }
}
