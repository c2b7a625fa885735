/**
 * A whole PC in this process: its screen is looked at and its keys are pressed as a person would. On a virtual clock a
 * sleeping guest costs no time, but one that polls costs a billion instructions a second: such ones get the wall's.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { expect } from 'vitest'
import type { Disk } from '../../src/disks/disk.ts'
import { MemoryDisk } from '../../src/disks/memory-disk.ts'
import type { Timer } from '../../src/devices/device.ts'
import type { Picture } from '../../src/devices/vga/picture.ts'
import { bootOrder } from '../../src/firmware.ts'
import { loadKernel } from '../../src/loaders/kernel.ts'
import type { DriveImages, MachineOptions } from '../../src/machine-options.ts'
import type { MachineState } from '../../src/machine-state.ts'
import type { Machine } from '../../src/machine.ts'
import { FileDisk } from '../../src/node/file-disk.ts'
import { loadFirmware, loadTextFont } from '../../src/node/firmware.ts'
import { createMachine } from '../../src/node/machine.ts'
import { encodePng } from '../../src/png.ts'

const MILLISECONDS = 1e6
/** How long a key is held, and how long until the next one: in ms of virtual time. */
const KEY_MS = 30
const SLICE_MS = 20
const WALL_SLICE_MS = 10
const FLOPPY_BYTES = 1474560
/** Where pictures go that a person may want to look at. */
const PICTURES = fileURLToPath(new URL('../../build/pictures/', import.meta.url))

/** Keys by the characters that they type without shift. */
const characterKeys: Readonly<Record<string, string>> = {
  ' ': 'Space', '-': 'Minus', '=': 'Equal', '.': 'Period', ',': 'Comma', '/': 'Slash', ';': 'Semicolon',
  '\n': 'Enter', '\t': 'Tab', '\x1b': 'Escape',
}

function keyOf(character: string): string {
  if (/[a-z]/.test(character)) return `Key${character.toUpperCase()}`
  if (/[0-9]/.test(character)) return `Digit${character}`
  const key = characterKeys[character]
  if (!key) throw new RangeError(`no key types '${character}'`)
  return key
}

/** A floppy disk of 1.44 MB that begins with a program of boot/. */
export function bootFloppy(name: string): MemoryDisk {
  const contents = new Uint8Array(FLOPPY_BYTES)
  contents.set(readFileSync(new URL(`boot/${name}.bin`, import.meta.url)))
  return new MemoryDisk(contents)
}

/** A file as a disc. */
export function disc(path: string): Disk {
  return new FileDisk(path, 'the disc', { readOnly: true })
}

export interface PcOptions {
  readonly memory?: number
  readonly drives?: DriveImages
  /** A kernel to boot without a BIOS. */
  readonly kernel?: string
  readonly initrd?: string
  readonly append?: string
  readonly boot?: 'a' | 'c' | 'd'
  readonly jit?: MachineOptions['jit']
  readonly clock?: MachineOptions['clock']
}

export class PcSession {
  private current: Machine
  /** What the guest has written to the first serial port and to the debug console. */
  serial = ''
  debug = ''
  /** The guest has switched the power off. */
  isOff = false
  private alarm: Timer
  private readonly make: () => Machine

  /** `memory` in MiB. */
  constructor({ memory = 64, drives, kernel, initrd, append, boot = 'a', jit = false, clock = 'virtual' }: PcOptions) {
    const memoryBytes = memory << 20
    const start = kernel === undefined
      ? { firmware: { ...loadFirmware({}), bootOrder: bootOrder(boot) } }
      : {
        boot: loadKernel({
          kernel: readFileSync(kernel), initrd: initrd === undefined ? undefined : readFileSync(initrd), cmdline: append, memoryBytes,
        }),
        textFont: loadTextFont(),
      }
    this.make = () => createMachine({ memoryBytes, clock, drives, jit, ...start })
    this.current = this.make()
    this.alarm = this.listen()
  }

  get machine(): Machine {
    return this.current
  }

  private listen(): Timer {
    const { machine } = this
    machine.serial[0].onByte = byte => {
      this.serial += String.fromCharCode(byte)
    }
    machine.debugConsole.onByte = byte => {
      this.debug += String.fromCharCode(byte)
    }
    return machine.clock.timer('session', () => {})
  }

  /** Lets the guest run for some of its time; a reset starts it again. Throws when it stops for good. */
  async pass(milliseconds: number): Promise<void> {
    const { machine } = this
    const end = machine.clock.now() + milliseconds * MILLISECONDS
    const isWall = machine.clock.mode === 'wall'
    // Time is skipped up to the next event while the guest sleeps: this one ends the wait.
    if (!isWall) this.alarm.schedule(end)
    while (machine.clock.now() < end) {
      // On the virtual clock one slice: up to the next event.
      const result = machine.run(isWall ? WALL_SLICE_MS : 0)
      if (result.state === 'halted') {
        // HLT with interrupts off: nothing will happen any more.
        if (result.forever) machine.clock.skipTo(end)
        await sleep(Math.min(result.wakeAt ?? WALL_SLICE_MS, WALL_SLICE_MS))
      }
      // The compile worker answers between slices.
      if (isWall) await turn()
      if (result.state !== 'stopped') continue
      if (result.reason === 'power-off') {
        this.isOff = true
        return
      }
      if (result.reason !== 'reset') throw new Error(`the machine has stopped: ${machine.report()}`)
      machine.restart()
    }
  }

  /** Runs until the screen, the serial port or the debug console match; seconds are the guest's. */
  async waitFor(expression: RegExp, seconds = 60): Promise<void> {
    for (let passed = 0; passed < seconds * 1000; passed += SLICE_MS) {
      if (expression.test(this.text()) || expression.test(this.serial) || expression.test(this.debug)) return
      await this.pass(SLICE_MS)
    }
    throw new Error(`${expression} has not come; serial: ${this.serial.slice(-500)}; the screen shows:\n${this.text()}`)
  }

  /**
   * Sends text to the first serial port and waits for an answer behind it; the answer. After every `moves` slices of
   * 20 ms the guest moves to another machine.
   */
  async send(text: string, expression: RegExp, seconds = 60, moves = Infinity): Promise<string> {
    const from = this.serial.length
    this.machine.serial[0].receive(new TextEncoder().encode(text))
    for (let passed = 0; passed < seconds * 1000; passed += SLICE_MS) {
      await this.pass(SLICE_MS)
      if (passed % (moves * SLICE_MS) === (moves - 1) * SLICE_MS) this.freezeAndThaw()
      const answer = this.serial.slice(from)
      if (expression.test(answer)) return answer
    }
    throw new Error(`${expression} has not come after '${text.trim()}': ${this.serial.slice(from)}`)
  }

  /** Runs until the guest has switched the power off. */
  async waitForPowerOff(seconds: number): Promise<void> {
    for (let passed = 0; passed < seconds && !this.isOff; passed++) await this.pass(1000)
    if (!this.isOff) throw new Error(`the guest has not switched off; serial: ${this.serial.slice(-500)}`)
  }

  /** The text screen; empty in graphics modes. */
  text(): string {
    return (this.machine.screen.text() ?? []).join('\n')
  }

  async press(...keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      this.machine.keyboard.keyDown(key)
      await this.pass(KEY_MS)
      this.machine.keyboard.keyUp(key)
      await this.pass(KEY_MS)
    }
  }

  async type(text: string): Promise<void> {
    await this.press(...Array.from(text, keyOf))
  }

  /**
   * Saves the machine as it stands and goes on in a new one, as after a save to a file. What the new one holds is the same.
   */
  freezeAndThaw(): void {
    const old = this.machine
    const saved = old.save()
    const before = digestOf(saved)
    const state = structuredClone(saved)
    old.dispose()
    this.current = this.make()
    this.alarm = this.listen()
    this.machine.load(state)
    expect(digestOf(this.machine.save())).toEqual(before)
  }

  /** The screen as pixels; kept as build/pictures/NAME.png. */
  picture(name: string): Picture {
    const picture: Picture = { width: 0, height: 0, pixels: new Uint32Array(0) }
    this.machine.screen.draw(picture, true)
    mkdirSync(PICTURES, { recursive: true })
    writeFileSync(`${PICTURES}${name}.png`, encodePng(picture))
    return picture
  }

  dispose(): void {
    this.machine.dispose()
  }
}

/** All of a state that does not move on by itself, as the wall's time does; what is long as checksums. */
export function digestOf({ cpu, devices, ram }: MachineState): unknown {
  return digest({ cpu, devices, ram })
}

/** A state with its arrays of bytes as checksums, which compare faster. */
function digest(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return createHash('sha256').update(value as Uint8Array).digest('hex')
  if (Array.isArray(value)) return value.map(inner => digest(inner))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, digest(inner)]))
}

/** Red, green and blue of a pixel. */
export function pixel({ pixels, width }: Picture, x: number, y: number): [number, number, number] {
  const value = pixels[y * width + x]
  return [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff]
}

/** A short name for all the pixels. */
export function fingerprint({ width, height, pixels }: Picture): string {
  const bytes = new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength)
  return `${width}x${height} ${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`
}
