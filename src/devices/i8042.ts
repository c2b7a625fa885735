/**
 * Keyboard controller: Intel 8042 with IBM's PS/2 firmware, a keyboard port and an auxiliary (mouse) port.
 *
 *     new I8042({ bus, clock, keyboard, mouse, irq1: pic.line(1), irq12: pic.line(12), onA20, onReset })
 *
 * Ports: 60h data, 64h status (read) and command (write). IRQ 1 keyboard, IRQ 12 mouse.
 * Sources: IBM PS/2 Hardware Interface Technical Reference (Keyboard and Auxiliary Device Controller);
 * IBM PC AT Technical Reference, section 1 (8042).
 *
 * A byte from a device needs half a millisecond on its serial line. Until the next one arrives port 60h keeps the
 * last byte, so that a handler and the one it chains to both see it.
 */
import type { Bus, Clock, Device, DeviceState, IrqLine, Timer } from './device.ts'
import type { Ps2Device } from './ps2-device.ts'
import { translateToSet1 } from './scancodes.ts'
import { restore, snapshot } from './state.ts'

const PORT_DATA = 0x60
const PORT_COMMAND = 0x64

const STATUS_OUTPUT_FULL = 0x01
const STATUS_SYSTEM = 0x04
const STATUS_COMMAND = 0x08
const STATUS_NOT_LOCKED = 0x10
const STATUS_AUX_FULL = 0x20

const CONFIG_KEYBOARD_IRQ = 0x01
const CONFIG_AUX_IRQ = 0x02
const CONFIG_SYSTEM = 0x04
const CONFIG_KEYBOARD_OFF = 0x10
const CONFIG_AUX_OFF = 0x20
const CONFIG_TRANSLATE = 0x40
/** As firmware leaves it: keyboard interrupt and translation on, mouse off. */
const CONFIG_POWER_ON = CONFIG_KEYBOARD_IRQ | CONFIG_SYSTEM | CONFIG_AUX_OFF | CONFIG_TRANSLATE

const OUTPUT_NO_RESET = 0x01
const OUTPUT_A20 = 0x02
const OUTPUT_KEYBOARD_FULL = 0x10
const OUTPUT_AUX_FULL = 0x20
/** Bits 2, 3, 6, 7: clock and data lines of both ports, idle. */
const OUTPUT_IDLE_LINES = 0xcc

/** Input port: keyboard not inhibited, no manufacturing jumper. */
const INPUT_PORT = 0xa0
const SELF_TEST_PASSED = 0x55
const INTERFACE_OK = 0x00
const NO_PASSWORD = 0xf1
const RAM_BYTES = 32

/** Eleven bits at about 22 kHz. */
const SERIAL_BYTE_NS = 500_000
const MOST_RESPONSES = 16

enum Command {
  ReadRam = 0x20, WriteRam = 0x60, TestPassword = 0xa4, AuxOff = 0xa7, AuxOn = 0xa8, TestAux = 0xa9,
  SelfTest = 0xaa, TestKeyboard = 0xab, KeyboardOff = 0xad, KeyboardOn = 0xae, ReadInputPort = 0xc0,
  ReadOutputPort = 0xd0, WriteOutputPort = 0xd1, WriteKeyboardBuffer = 0xd2, WriteAuxBuffer = 0xd3,
  WriteAux = 0xd4, A20Off = 0xdd, A20On = 0xdf, ReadTestInputs = 0xe0, PulseOutput = 0xf0,
}

/** Where the byte in the output buffer comes from. */
enum Source { Controller = 0, Keyboard = 1, Aux = 2 }

export interface I8042Options {
  bus: Bus
  clock: Clock
  keyboard: Ps2Device
  mouse?: Ps2Device
  irq1: IrqLine
  irq12: IrqLine
  onA20: (enabled: boolean) => void
  /** The CPU's reset line was pulsed. */
  onReset: () => void
}

export class I8042 implements Device {
  readonly name = 'i8042'
  private readonly options: I8042Options
  private readonly timer: Timer
  private readonly registers = {
    ram: new Uint8Array(RAM_BYTES),
    output: 0, full: false, source: Source.Controller as number,
    /** The command whose parameter port 60h expects, or 0. */
    parameterOf: 0, lastWasCommand: false, a20: true,
    /** A break prefix (F0) of set 2 was swallowed: the next code gets bit 7. */
    breakPrefix: false,
    /** Virtual time at which the devices' serial lines are free again. */
    lineFreeAt: 0,
    /** Answers of the controller that wait for the output buffer; an answer with bit 8 shows as the mouse's. */
    responses: [] as number[],
  }

  constructor(options: I8042Options) {
    this.options = options
    this.timer = options.clock.timer('i8042', () => this.pump())
    options.keyboard.onReady = () => this.pump()
    if (options.mouse) options.mouse.onReady = () => this.pump()
    const claim = (port: number, read: () => number, write: (value: number) => void) =>
      options.bus.claimPorts(port, port, { read8: read, write8: (_port, value) => write(value) })
    claim(PORT_DATA, () => this.readData(), (value) => this.writeData(value))
    claim(PORT_COMMAND, () => this.status(), (value) => this.writeCommand(value))
    this.reset()
  }

  reset(): void {
    const r = this.registers
    r.ram.fill(0)
    r.ram[0] = CONFIG_POWER_ON
    Object.assign(r, {
      output: 0, full: false, source: Source.Controller, parameterOf: 0, lastWasCommand: false, a20: true,
      breakPrefix: false, lineFreeAt: 0, responses: [],
    })
    this.timer.cancel()
    this.update()
    this.pump()
  }

  save(): DeviceState {
    return snapshot(this.registers)
  }

  load(state: DeviceState): void {
    restore(this.name, this.registers, state)
  }

  /** Tells the controller that another part (port 92h) switched A20, for its output port. */
  noteA20(enabled: boolean): void {
    this.registers.a20 = enabled
  }

  private get config(): number {
    return this.registers.ram[0]
  }

  private status(): number {
    const r = this.registers
    return STATUS_NOT_LOCKED | (r.full ? STATUS_OUTPUT_FULL : 0) | (this.config & CONFIG_SYSTEM ? STATUS_SYSTEM : 0) |
      (r.lastWasCommand ? STATUS_COMMAND : 0) | (r.full && r.source === Source.Aux ? STATUS_AUX_FULL : 0)
  }

  private readData(): number {
    const r = this.registers
    const value = r.output
    if (r.full) {
      r.full = false
      if (r.source !== Source.Controller) r.lineFreeAt = this.options.clock.now() + SERIAL_BYTE_NS
      this.update()
      this.pump()
    }
    return value
  }

  /** Fills the output buffer when it is empty: the controller's answers at once, devices at the speed of the line. */
  private pump(): void {
    const r = this.registers
    if (r.full) return
    const response = r.responses.shift()
    if (response !== undefined) {
      this.fill(response & 0xff, response >> 8)
      return
    }
    const { keyboard, mouse, clock } = this.options
    const fromKeyboard = keyboard.ready && !(this.config & CONFIG_KEYBOARD_OFF)
    const fromMouse = mouse?.ready === true && !(this.config & CONFIG_AUX_OFF)
    if (!fromKeyboard && !fromMouse) return
    if (clock.now() < r.lineFreeAt) {
      this.timer.schedule(r.lineFreeAt)
      return
    }
    if (!fromKeyboard) this.fill(mouse?.take() ?? 0, Source.Aux)
    else this.takeFromKeyboard()
  }

  private takeFromKeyboard(): void {
    const r = this.registers
    const byte = this.options.keyboard.take()
    if (!(this.config & CONFIG_TRANSLATE)) {
      this.fill(byte, Source.Keyboard)
    } else if (byte === 0xf0) {
      r.breakPrefix = true
      this.pump()
    } else {
      const code = translateToSet1(byte)
      this.fill(r.breakPrefix ? code | 0x80 : code, Source.Keyboard)
      r.breakPrefix = false
    }
  }

  private fill(byte: number, source: Source): void {
    Object.assign(this.registers, { output: byte, full: true, source })
    this.update()
  }

  private respond(byte: number, source = Source.Controller): void {
    const r = this.registers
    if (r.responses.length < MOST_RESPONSES) r.responses.push(byte | (source << 8))
    this.pump()
  }

  /** Drives the interrupt lines. The controller's own answers count as the keyboard's. */
  private update(): void {
    const { full, source } = this.registers
    const aux = source === Source.Aux
    this.options.irq1.set(full && !aux && (this.config & CONFIG_KEYBOARD_IRQ) !== 0)
    this.options.irq12.set(full && aux && (this.config & CONFIG_AUX_IRQ) !== 0)
  }

  private writeData(value: number): void {
    const r = this.registers
    const command = r.parameterOf
    r.parameterOf = 0
    r.lastWasCommand = false
    if (command === 0) {
      this.sendToKeyboard(value)
    } else if (command >= Command.WriteRam && command < Command.WriteRam + RAM_BYTES) {
      this.writeRam(command - Command.WriteRam, value)
    } else if (command === Command.WriteOutputPort) {
      this.setA20((value & OUTPUT_A20) !== 0)
      if (!(value & OUTPUT_NO_RESET)) this.options.onReset()
    } else if (command === Command.WriteKeyboardBuffer) {
      this.respond(value, Source.Keyboard)
    } else if (command === Command.WriteAuxBuffer) {
      this.respond(value, Source.Aux)
    } else {
      this.sendToMouse(value)
    }
  }

  /** Sending to a device switches its port on and takes the line for a byte each way. */
  private sendToKeyboard(value: number): void {
    const r = this.registers
    r.ram[0] &= ~CONFIG_KEYBOARD_OFF
    r.breakPrefix = false
    this.occupyLine()
    this.options.keyboard.receive(value)
    this.pump()
  }

  private sendToMouse(value: number): void {
    this.registers.ram[0] &= ~CONFIG_AUX_OFF
    this.occupyLine()
    this.options.mouse?.receive(value)
    this.pump()
  }

  private occupyLine(): void {
    this.registers.lineFreeAt = this.options.clock.now() + SERIAL_BYTE_NS
  }

  private writeRam(index: number, value: number): void {
    this.registers.ram[index] = value
    if (index !== 0) return
    this.update()
    this.pump()
  }

  private setConfigBit(bit: number, on: boolean): void {
    this.writeRam(0, on ? this.config | bit : this.config & ~bit)
  }

  private setA20(enabled: boolean): void {
    this.registers.a20 = enabled
    this.options.onA20(enabled)
  }

  private outputPort(): number {
    const r = this.registers
    const full = !r.full ? 0 : r.source === Source.Aux ? OUTPUT_AUX_FULL : OUTPUT_KEYBOARD_FULL
    return OUTPUT_IDLE_LINES | OUTPUT_NO_RESET | (r.a20 ? OUTPUT_A20 : 0) | full
  }

  private writeCommand(command: number): void {
    const r = this.registers
    r.lastWasCommand = true
    r.parameterOf = 0
    if (command >= Command.ReadRam && command < Command.ReadRam + RAM_BYTES) {
      this.respond(r.ram[command - Command.ReadRam])
      return
    }
    if (command >= Command.PulseOutput) {
      if (!(command & OUTPUT_NO_RESET)) this.options.onReset()
      return
    }
    const takesParameter = (command >= Command.WriteRam && command < Command.WriteRam + RAM_BYTES) ||
      (command >= Command.WriteOutputPort && command <= Command.WriteAux)
    if (takesParameter) r.parameterOf = command
    else this.execute(command)
  }

  private execute(command: Command): void {
    switch (command) {
      case Command.TestPassword:
        this.respond(NO_PASSWORD)
        break
      case Command.AuxOff:
        this.setConfigBit(CONFIG_AUX_OFF, true)
        break
      case Command.AuxOn:
        this.setConfigBit(CONFIG_AUX_OFF, false)
        break
      case Command.TestAux:
      case Command.TestKeyboard:
        this.respond(INTERFACE_OK)
        break
      case Command.SelfTest:
        this.selfTest()
        break
      case Command.KeyboardOff:
        this.setConfigBit(CONFIG_KEYBOARD_OFF, true)
        break
      case Command.KeyboardOn:
        this.setConfigBit(CONFIG_KEYBOARD_OFF, false)
        break
      case Command.ReadInputPort:
        this.respond(INPUT_PORT)
        break
      case Command.ReadOutputPort:
        this.respond(this.outputPort())
        break
      case Command.A20Off:
        this.setA20(false)
        break
      case Command.A20On:
        this.setA20(true)
        break
      case Command.ReadTestInputs:
        this.respond(0)
        break
      default: // unknown commands are ignored
    }
  }

  private selfTest(): void {
    const r = this.registers
    Object.assign(r, { full: false, responses: [], breakPrefix: false })
    r.ram[0] |= CONFIG_SYSTEM
    this.update()
    this.respond(SELF_TEST_PASSED)
  }
}
