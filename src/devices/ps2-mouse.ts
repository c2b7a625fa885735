/**
 * PS/2 mouse with Microsoft's IntelliMouse extensions (wheel, five buttons), behind the auxiliary port of the 8042.
 *
 *     const mouse = new Ps2Mouse({ clock })
 *     mouse.move(dx, dy, wheel); mouse.buttons(1)          // dx right, dy down, as in a browser
 *
 * Sources: IBM PS/2 Hardware Interface Technical Reference, "Auxiliary Device"; Microsoft, "IntelliMouse" notes.
 *
 * Movement adds up on the host's side and leaves in packets at the sample rate, while reporting is on.
 */
import type { Clock, Device, DeviceState, Timer } from './device.ts'
import { PS2_ACK, PS2_RESEND, PS2_SELF_TEST_PASSED, type Ps2Device } from './ps2-device.ts'
import { restore, snapshot } from './state.ts'

enum Command {
  Scaling1 = 0xe6, Scaling2 = 0xe7, SetResolution = 0xe8, Status = 0xe9, StreamMode = 0xea, ReadData = 0xeb,
  ResetWrap = 0xec, WrapMode = 0xee, RemoteMode = 0xf0, Identify = 0xf2, SetSampleRate = 0xf3, Enable = 0xf4,
  Disable = 0xf5, SetDefaults = 0xf6, Resend = 0xfe, Reset = 0xff,
}

const ID_STANDARD = 0
const ID_WHEEL = 3
const ID_FIVE_BUTTONS = 4
/** Sample rates that, set one after the other, switch the wheel and then the extra buttons on. */
const KNOCK_WHEEL = [200, 100, 80]
const KNOCK_FIVE_BUTTONS = [200, 200, 80]

const DEFAULT_RATE = 100
const DEFAULT_RESOLUTION = 2
const MOST_RESOLUTION = 3
const BUFFER_BYTES = 16
const NS_PER_SECOND = 1_000_000_000

const PACKET_ALWAYS = 0x08
const PACKET_X_SIGN = 0x10
const PACKET_Y_SIGN = 0x20
const FIRST_BUTTONS = 0x07
const MOST_MOVEMENT = 255
const MOST_WHEEL = 7
/** Movement kept while the guest does not take it. */
const MOST_PENDING = 65_536

const STATUS_REMOTE = 0x40
const STATUS_REPORTING = 0x20
const STATUS_SCALING_2 = 0x10

export interface Ps2MouseOptions {
  clock: Clock
}

export class Ps2Mouse implements Device, Ps2Device {
  readonly name = 'mouse'
  onReady: (() => void) | undefined
  private readonly clock: Clock
  private readonly timer: Timer
  private readonly registers = {
    id: ID_STANDARD, rate: DEFAULT_RATE, resolution: DEFAULT_RESOLUTION, scaling2: false,
    reporting: false, remote: false, wrap: false, parameterOf: 0, knocks: [] as number[],
    /** Bytes on their way; the first `answers` of them answer commands. */
    buffer: [] as number[], answers: 0, lastSent: [] as number[],
    /** Movement not reported yet, in counts; y grows upwards here. */
    x: 0, y: 0, wheel: 0,
    /** Bit 0 left, 1 right, 2 middle, 3 and 4 side buttons; and what was last reported. */
    buttons: 0, reported: 0,
    /** When the next packet may be made. */
    nextSample: 0,
  }

  constructor(options: Ps2MouseOptions) {
    this.clock = options.clock
    this.timer = options.clock.timer('mouse', () => this.report())
  }

  /** Moves by counts, right and down; `wheel` is positive towards the user. */
  move(dx: number, dy: number, wheel = 0): void {
    const r = this.registers
    r.x = clamp(r.x + Math.round(dx), MOST_PENDING)
    r.y = clamp(r.y - Math.round(dy), MOST_PENDING)
    r.wheel = clamp(r.wheel + Math.round(wheel), MOST_PENDING)
    this.report()
  }

  /** The buttons now down: bit 0 left, 1 right, 2 middle, 3 and 4 side buttons. */
  buttons(down: number): void {
    this.registers.buttons = down & 0x1f
    this.report()
  }

  get ready(): boolean {
    return this.registers.buffer.length > 0
  }

  take(): number {
    const r = this.registers
    const byte = r.buffer.shift() ?? 0
    r.answers = Math.max(0, r.answers - 1)
    if (r.buffer.length === 0) this.report()
    return byte
  }

  reset(): void {
    this.setDefaults()
    Object.assign(this.registers, {
      id: ID_STANDARD, wrap: false, parameterOf: 0, knocks: [], buffer: [], answers: 0, lastSent: [], buttons: 0,
      nextSample: 0,
    })
  }

  save(): DeviceState {
    return snapshot(this.registers)
  }

  load(state: DeviceState): void {
    restore(this.name, this.registers, state)
  }

  receive(byte: number): void {
    const r = this.registers
    if (r.wrap && byte !== Command.Reset && byte !== Command.ResetWrap) {
      this.answer(byte)
      return
    }
    const command = r.parameterOf
    r.parameterOf = 0
    if (command === Command.SetSampleRate) this.setSampleRate(byte)
    else if (command === Command.SetResolution) this.setResolution(byte)
    else this.command(byte)
  }

  private command(byte: number): void {
    const r = this.registers
    if (byte === Command.Resend) {
      this.answer(...r.lastSent)
      return
    }
    this.clearBuffer()
    switch (byte) {
      case Command.Scaling1:
      case Command.Scaling2:
        r.scaling2 = byte === Command.Scaling2
        this.answer(PS2_ACK)
        break
      case Command.SetResolution:
      case Command.SetSampleRate:
        r.parameterOf = byte
        this.answer(PS2_ACK)
        break
      case Command.Status:
        this.answer(PS2_ACK, this.status(), r.resolution, r.rate)
        break
      case Command.StreamMode:
      case Command.RemoteMode:
        r.remote = byte === Command.RemoteMode
        this.forgetMovement()
        this.answer(PS2_ACK)
        break
      case Command.ReadData:
        this.answer(PS2_ACK, ...this.packet())
        break
      case Command.WrapMode:
      case Command.ResetWrap:
        r.wrap = byte === Command.WrapMode
        this.forgetMovement()
        this.answer(PS2_ACK)
        break
      case Command.Identify:
        this.answer(PS2_ACK, r.id)
        break
      case Command.Enable:
      case Command.Disable:
        r.reporting = byte === Command.Enable
        this.forgetMovement()
        this.answer(PS2_ACK)
        break
      case Command.SetDefaults:
        this.setDefaults()
        this.answer(PS2_ACK)
        break
      case Command.Reset:
        this.setDefaults()
        Object.assign(r, { id: ID_STANDARD, wrap: false, knocks: [] })
        this.answer(PS2_ACK, PS2_SELF_TEST_PASSED, ID_STANDARD)
        break
      default:
        this.answer(PS2_RESEND)
    }
  }

  private setSampleRate(rate: number): void {
    const r = this.registers
    r.rate = rate === 0 ? DEFAULT_RATE : rate
    r.knocks = [...r.knocks, rate].slice(-KNOCK_WHEEL.length)
    if (matches(r.knocks, KNOCK_WHEEL) && r.id === ID_STANDARD) r.id = ID_WHEEL
    else if (matches(r.knocks, KNOCK_FIVE_BUTTONS) && r.id === ID_WHEEL) r.id = ID_FIVE_BUTTONS
    this.clearBuffer()
    this.answer(PS2_ACK)
  }

  private setResolution(resolution: number): void {
    this.clearBuffer()
    if (resolution > MOST_RESOLUTION) {
      this.answer(PS2_RESEND)
      return
    }
    this.registers.resolution = resolution
    this.answer(PS2_ACK)
  }

  private setDefaults(): void {
    Object.assign(this.registers, {
      rate: DEFAULT_RATE, resolution: DEFAULT_RESOLUTION, scaling2: false, reporting: false, remote: false,
    })
    this.forgetMovement()
    this.timer.cancel()
  }

  private forgetMovement(): void {
    Object.assign(this.registers, { x: 0, y: 0, wheel: 0 })
    this.registers.reported = this.registers.buttons
  }

  private status(): number {
    const r = this.registers
    const left = r.buttons & 1 ? 4 : 0
    const right = r.buttons & 2 ? 1 : 0
    const middle = r.buttons & 4 ? 2 : 0
    return (r.remote ? STATUS_REMOTE : 0) | (r.reporting ? STATUS_REPORTING : 0) |
      (r.scaling2 ? STATUS_SCALING_2 : 0) | left | middle | right
  }

  private clearBuffer(): void {
    this.registers.buffer.length = 0
    this.registers.answers = 0
  }

  private answer(...bytes: number[]): void {
    const r = this.registers
    if (r.answers + bytes.length > BUFFER_BYTES) return
    r.buffer.splice(r.answers, 0, ...bytes)
    r.answers += bytes.length
    r.lastSent = bytes
    this.onReady?.()
  }

  /** Stream mode: sends a packet when something changed, at most at the sample rate and when the last one is out. */
  private report(): void {
    const r = this.registers
    const changed = r.x !== 0 || r.y !== 0 || (r.wheel !== 0 && r.id !== ID_STANDARD) || r.buttons !== r.reported
    if (!changed || !r.reporting || r.remote || r.wrap || r.buffer.length > 0) return
    const now = this.clock.now()
    if (now < r.nextSample) {
      this.timer.schedule(r.nextSample)
      return
    }
    r.nextSample = now + Math.floor(NS_PER_SECOND / r.rate)
    const packet = this.packet()
    r.buffer.push(...packet)
    r.lastSent = packet
    this.onReady?.()
  }

  /** Takes up to 255 counts each way out of the movement; what is left comes with the next packet. */
  private packet(): number[] {
    const r = this.registers
    const x = clamp(r.x, MOST_MOVEMENT)
    const y = clamp(r.y, MOST_MOVEMENT)
    r.x -= x
    r.y -= y
    r.reported = r.buttons
    const signs = (x < 0 ? PACKET_X_SIGN : 0) | (y < 0 ? PACKET_Y_SIGN : 0)
    const first = PACKET_ALWAYS | (r.buttons & FIRST_BUTTONS) | signs
    const shownX = r.remote || !r.scaling2 ? x : scaleTwoToOne(x)
    const shownY = r.remote || !r.scaling2 ? y : scaleTwoToOne(y)
    const packet = [first, shownX & 0xff, shownY & 0xff]
    if (r.id === ID_STANDARD) {
      r.wheel = 0
      return packet
    }
    const wheel = clamp(r.wheel, MOST_WHEEL)
    r.wheel -= wheel
    packet.push(r.id === ID_WHEEL ? wheel & 0xff : (wheel & 15) | ((r.buttons >> 3) << 4))
    return packet
  }
}

/** The 2:1 curve of stream mode: small counts as in IBM's table, doubled from 6 on. */
function scaleTwoToOne(count: number): number {
  const magnitude = Math.abs(count)
  const small = [0, 1, 1, 3, 6, 9]
  const scaled = magnitude < small.length ? small[magnitude] : Math.min(2 * magnitude, MOST_MOVEMENT)
  return Math.sign(count) * scaled
}

function clamp(value: number, most: number): number {
  return Math.max(-most, Math.min(most, value || 0))
}

function matches(list: number[], pattern: number[]): boolean {
  return list.length === pattern.length && list.every((value, i) => value === pattern[i])
}
