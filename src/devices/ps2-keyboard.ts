/**
 * PS/2 keyboard: IBM's 101/102-key enhanced keyboard, behind port 1 of the 8042.
 *
 *     const keyboard = new Ps2Keyboard({ clock })
 *     keyboard.keyDown('KeyA'); keyboard.keyUp('KeyA')      // KeyboardEvent.code names
 *
 * Source: IBM PS/2 Hardware Interface Technical Reference, "101- and 102-Key Keyboards".
 *
 * Key events wait on the host's side while the keyboard's 16-byte buffer is full, so typed text is not lost to
 * overruns. A held key repeats by the keyboard's own typematic clock; repeats from the host are ignored.
 */
import type { Clock, Device, DeviceState, Timer } from './device.ts'
import { PS2_ACK, PS2_RESEND, PS2_SELF_TEST_PASSED, type Ps2Device } from './ps2-device.ts'
import { keyOf, pauseBytes, printScreenBytes, SYSTEM_REQUEST, scancodeBytes, set3Type } from './scancodes.ts'
import { restore, snapshot } from './state.ts'

enum Command {
  SetLeds = 0xed, Echo = 0xee, ScancodeSet = 0xf0, Identify = 0xf2, Typematic = 0xf3, Enable = 0xf4, Disable = 0xf5,
  SetDefaults = 0xf6, AllTypematic = 0xf7, AllMakeBreak = 0xf8, AllMake = 0xf9, AllTypematicMakeBreak = 0xfa,
  KeyTypematic = 0xfb, KeyMakeBreak = 0xfc, KeyMake = 0xfd, Resend = 0xfe, Reset = 0xff,
}

const IDENTITY = [0xab, 0x83]
const BUFFER_BYTES = 16
/** The longest press (Pause in set 2) must fit before an event is taken. */
const LONGEST_SEQUENCE = 8
/** Host events kept when the guest does not read its keyboard. */
const MOST_EVENTS = 4096
/** Typematic at power-on: 500 ms delay, 10.9 per second. */
const TYPEMATIC_POWER_ON = 0x2b
const DELAY_STEP_NS = 250_000_000
const NS_PER_MS = 1_000_000
const LED_MASK = 7
const POWER_ON_SET = 2
/** Per-key types of set 3, in `types`: bit 0 reports release, bit 1 repeats, bit 2 set explicitly. */
const TYPE_BREAKS = 1
const TYPE_REPEATS = 2
const TYPE_SET = 4

export interface Ps2KeyboardOptions {
  clock: Clock
  /** Told the LEDs: bit 0 Scroll Lock, 1 Num Lock, 2 Caps Lock. */
  onLeds?: (leds: number) => void
}

export class Ps2Keyboard implements Device, Ps2Device {
  readonly name = 'keyboard'
  onReady: (() => void) | undefined
  private readonly options: Ps2KeyboardOptions
  private readonly repeatTimer: Timer
  private readonly registers = {
    leds: 0, scancodeSet: POWER_ON_SET, typematic: TYPEMATIC_POWER_ON, scanning: true,
    /** The command whose parameter comes next, or 0. */
    parameterOf: 0, lastSent: 0,
    /** Bytes on their way; answers to commands are put in front of what keys sent. */
    buffer: [] as number[], answers: 0,
    /** Behaviour of each key in set 3, by its code. */
    types: new Uint8Array(256),
    /** Codes (KeyboardEvent.code) held down, and the one that repeats; separated by spaces. */
    held: '', repeating: '',
  }
  private events: { code: string, down: boolean }[] = []

  constructor(options: Ps2KeyboardOptions) {
    this.options = options
    this.repeatTimer = options.clock.timer('keyboard.repeat', () => this.repeat())
  }

  /** A key goes down; unknown names and keys already held are ignored. */
  keyDown(code: string): void {
    this.enqueue(code, true)
  }

  keyUp(code: string): void {
    this.enqueue(code, false)
  }

  /** Lifts every key that is held: for a window that loses the focus. */
  releaseAll(): void {
    for (const code of this.heldAfterEvents()) this.keyUp(code)
  }

  /** Key events and bytes that the guest has not been given yet: type more when this is small. */
  get pending(): number {
    return this.events.length + this.registers.buffer.length
  }

  get leds(): number {
    return this.registers.leds
  }

  get ready(): boolean {
    return this.registers.buffer.length > 0
  }

  take(): number {
    const r = this.registers
    const byte = r.buffer.shift() ?? 0
    r.answers = Math.max(0, r.answers - 1)
    r.lastSent = byte
    this.takeEvents()
    return byte
  }

  reset(): void {
    this.setDefaults()
    const r = this.registers
    Object.assign(r, { scanning: true, parameterOf: 0, lastSent: 0, buffer: [], answers: 0, held: '' })
    this.events = []
    this.setLeds(0)
  }

  save(): DeviceState {
    const events = this.events.map((event) => (event.down ? '+' : '-') + event.code).join(' ')
    return { ...snapshot(this.registers), events }
  }

  load(state: DeviceState): void {
    const saved = { events: '' }
    restore(this.name, saved, state)
    restore(this.name, this.registers, state)
    this.events = saved.events.split(' ').filter((word) => keyOf(word.slice(1)) !== undefined)
      .map((word) => ({ code: word.slice(1), down: word[0] === '+' }))
    this.options.onLeds?.(this.registers.leds)
  }

  receive(byte: number): void {
    const r = this.registers
    const command = r.parameterOf
    r.parameterOf = 0
    // A parameter never has bit 7 set, but for the key codes of FB..FD.
    const takesAny = command >= Command.KeyTypematic && command <= Command.KeyMake
    if (command !== 0 && (byte < 0x80 || (takesAny && byte < Command.SetLeds))) this.parameter(command, byte)
    else this.command(byte)
  }

  private command(byte: number): void {
    const r = this.registers
    if (byte !== Command.Resend) this.dropAnswers()
    switch (byte) {
      case Command.SetLeds:
      case Command.ScancodeSet:
      case Command.Typematic:
      case Command.KeyTypematic:
      case Command.KeyMakeBreak:
      case Command.KeyMake:
        r.parameterOf = byte
        this.answer(PS2_ACK)
        break
      case Command.Echo:
        this.answer(Command.Echo)
        break
      case Command.Identify:
        this.answer(PS2_ACK, ...IDENTITY)
        break
      case Command.Enable:
        this.clearBuffer()
        r.scanning = true
        this.answer(PS2_ACK)
        break
      case Command.Disable:
      case Command.SetDefaults:
        this.clearBuffer()
        this.setDefaults()
        r.scanning = byte === Command.SetDefaults
        this.answer(PS2_ACK)
        break
      case Command.AllTypematic:
      case Command.AllMakeBreak:
      case Command.AllMake:
      case Command.AllTypematicMakeBreak:
        r.types.fill(allKeysType(byte))
        this.answer(PS2_ACK)
        break
      case Command.Resend:
        this.answer(r.lastSent)
        break
      case Command.Reset:
        this.clearBuffer()
        this.setDefaults()
        r.scanning = true
        this.setLeds(0)
        this.answer(PS2_ACK, PS2_SELF_TEST_PASSED)
        break
      default:
        this.answer(PS2_RESEND)
    }
  }

  private parameter(command: Command, byte: number): void {
    const r = this.registers
    switch (command) {
      case Command.SetLeds:
        this.setLeds(byte & LED_MASK)
        this.answer(PS2_ACK)
        break
      case Command.ScancodeSet:
        if (byte === 0) {
          this.answer(PS2_ACK, r.scancodeSet)
          return
        }
        if (byte > 3) {
          this.answer(PS2_RESEND)
          return
        }
        this.clearBuffer()
        r.scancodeSet = byte
        this.answer(PS2_ACK)
        break
      case Command.Typematic:
        r.typematic = byte
        this.answer(PS2_ACK)
        break
      default:
        r.types[byte] = keyTypeOf(command)
        // More key codes may follow until the next command.
        r.parameterOf = command
        this.answer(PS2_ACK)
    }
  }

  private setLeds(leds: number): void {
    if (this.registers.leds === leds) return
    this.registers.leds = leds
    this.options.onLeds?.(leds)
  }

  private setDefaults(): void {
    const r = this.registers
    r.scancodeSet = POWER_ON_SET
    r.typematic = TYPEMATIC_POWER_ON
    r.types.fill(0)
    this.stopRepeating()
  }

  /** Answers overtake key codes, but not answers before them. */
  private answer(...bytes: number[]): void {
    const r = this.registers
    if (r.answers + bytes.length > BUFFER_BYTES) return
    r.buffer.splice(r.answers, 0, ...bytes)
    r.answers += bytes.length
    this.onReady?.()
  }

  /** A new command makes the answers to earlier ones moot. */
  private dropAnswers(): void {
    const r = this.registers
    r.buffer.splice(0, r.answers)
    r.answers = 0
  }

  private clearBuffer(): void {
    this.registers.buffer.length = 0
    this.registers.answers = 0
    this.stopRepeating()
  }

  private enqueue(code: string, down: boolean): void {
    if (keyOf(code) === undefined || this.events.length >= MOST_EVENTS) return
    this.events.push({ code, down })
    this.takeEvents()
    if (this.ready) this.onReady?.()
  }

  private takeEvents(): void {
    const r = this.registers
    while (this.events.length > 0 && r.buffer.length + LONGEST_SEQUENCE <= BUFFER_BYTES) {
      const event = this.events.shift()
      if (event?.down) this.press(event.code)
      else if (event) this.release(event.code)
    }
  }

  private get heldKeys(): string[] {
    return this.registers.held === '' ? [] : this.registers.held.split(' ')
  }

  private heldAfterEvents(): Set<string> {
    const held = new Set(this.heldKeys)
    for (const { code, down } of this.events) {
      if (down) held.add(code)
      else held.delete(code)
    }
    return held
  }

  private press(code: string): void {
    const r = this.registers
    const held = this.heldKeys
    if (held.includes(code)) return
    r.held = [...held, code].join(' ')
    if (!r.scanning) return
    this.send(this.makeBytes(code))
    this.stopRepeating()
    if (!this.typeOf(code).repeats) return
    r.repeating = code
    this.repeatTimer.schedule(this.options.clock.now() + ((r.typematic >> 5) + 1) * DELAY_STEP_NS)
  }

  private release(code: string): void {
    const r = this.registers
    const held = this.heldKeys
    if (!held.includes(code)) return
    r.held = held.filter((other) => other !== code).join(' ')
    if (r.repeating === code) this.stopRepeating()
    if (r.scanning && this.typeOf(code).breaks) this.send(this.breakBytes(code))
  }

  private send(bytes: number[]): void {
    this.registers.buffer.push(...bytes)
  }

  private makeBytes(code: string): number[] {
    const set = this.registers.scancodeSet
    if (set !== 3 && code === 'Pause') return pauseBytes(set, this.holds('ControlLeft', 'ControlRight'))
    if (set !== 3 && code === 'PrintScreen') return this.printScreen(set, true)
    return this.keyBytes(code, true)
  }

  private breakBytes(code: string): number[] {
    const set = this.registers.scancodeSet
    if (set !== 3 && code === 'Pause') return []
    if (set !== 3 && code === 'PrintScreen') return this.printScreen(set, false)
    return this.keyBytes(code, false)
  }

  private printScreen(set: number, make: boolean): number[] {
    if (this.holds('AltLeft', 'AltRight')) return scancodeBytes(SYSTEM_REQUEST, set, make)
    if (this.holds('ControlLeft', 'ControlRight', 'ShiftLeft', 'ShiftRight')) return this.keyBytes('PrintScreen', make)
    return printScreenBytes(set, make)
  }

  private keyBytes(code: string, make: boolean): number[] {
    const key = keyOf(code)
    return key ? scancodeBytes(key, this.registers.scancodeSet, make) : []
  }

  private holds(...codes: string[]): boolean {
    return this.heldKeys.some((code) => codes.includes(code))
  }

  private typeOf(code: string): { breaks: boolean, repeats: boolean } {
    if (this.registers.scancodeSet !== 3) return { breaks: true, repeats: code !== 'Pause' }
    const type = this.registers.types[keyOf(code)?.set3 ?? 0]
    if (!(type & TYPE_SET)) return set3Type(code)
    return { breaks: (type & TYPE_BREAKS) !== 0, repeats: (type & TYPE_REPEATS) !== 0 }
  }

  private stopRepeating(): void {
    this.registers.repeating = ''
    this.repeatTimer.cancel()
  }

  private repeat(): void {
    const r = this.registers
    if (r.repeating === '' || !r.scanning) return
    if (r.buffer.length + LONGEST_SEQUENCE <= BUFFER_BYTES) this.send(this.makeBytes(r.repeating))
    this.repeatTimer.schedule(this.options.clock.now() + this.repeatPeriodNs())
    if (this.ready) this.onReady?.()
  }

  /** (8 + A) * 2^B * 4.17 ms, A the low three bits of the rate and B the next two. */
  private repeatPeriodNs(): number {
    const rate = this.registers.typematic
    return Math.round((8 + (rate & 7)) * (1 << ((rate >> 3) & 3)) * 4.17 * NS_PER_MS)
  }
}

function allKeysType(command: Command): number {
  if (command === Command.AllTypematic) return TYPE_SET | TYPE_REPEATS
  if (command === Command.AllMakeBreak) return TYPE_SET | TYPE_BREAKS
  return command === Command.AllMake ? TYPE_SET : TYPE_SET | TYPE_REPEATS | TYPE_BREAKS
}

function keyTypeOf(command: Command): number {
  if (command === Command.KeyTypematic) return TYPE_SET | TYPE_REPEATS
  return command === Command.KeyMakeBreak ? TYPE_SET | TYPE_BREAKS : TYPE_SET
}
